//! Random writes on few contacts, against a model of GHL that loses answers, carries writes out late, refuses and defers,
//! while the process dies again and again. Afterwards each accepted write is there exactly once, in order.

use super::{double::memory, *};
use crate::{
    domain::{operation::Written, write::WriteKind},
    operations::Looked,
};
use futures_util::future::BoxFuture;
use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

const LIVES: usize = 12;
const WRITES_A_LIFE: u64 = 25;
const CONTACTS: u64 = 3;

/// How long a write whose answer was lost may still be on its way: less than `settle`.
const LATE: Duration = Duration::from_millis(5);

/// How far apart the two clocks may be.
const CLOCKS_DIFFER: Duration = Duration::from_millis(500);

/// What stands in GHL: one record, or one tag added.
#[derive(Debug, Clone)]
struct Record {
    operation: OperationId,
    kind: WriteKind,
    /// The contact, or the e-mail address of one that was created.
    of: String,
    content: String,
    id: String,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Ghl {
    records: Vec<Record>,
    /// Carried out at that time, though nobody will be told.
    late: Vec<(Timestamp, Operation)>,
    /// Whether it refuses a write; it is of one mind about it.
    verdicts: HashMap<OperationId, bool>,
    seed: u64,
    lives: u64,
}

#[derive(Debug)]
struct Model {
    ghl: Mutex<Ghl>,
    clock: Clock,
}

/// The model as one life of the process sees it.
#[derive(Debug)]
struct Line {
    model: Arc<Model>,
    life: u64,
}

fn describe(operation: &Operation) -> (String, String) {
    let whose = operation.contact.as_ref().map(ToString::to_string);
    match &operation.write {
        Write::CreateNote { fields, .. } => (whose.unwrap(), fields.text("body").unwrap().to_owned()),
        Write::CreateContact { fields } => (fields.text("email").unwrap().to_owned(), String::new()),
        Write::AddTags { tags, .. } => (whose.unwrap(), tags[0].to_string()),
        other => panic!("the model knows no {other:?}"),
    }
}

impl Ghl {
    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn apply(&mut self, operation: &Operation, at: Timestamp) -> Written {
        let (of, content) = describe(operation);
        let id = format!("id{}", self.records.len());
        let kind = operation.write.kind();
        self.records.push(Record { operation: operation.id.clone(), kind, of, content, id: id.clone(), at });
        double::written(&id)
    }

    /// What was on its way arrives.
    fn arrive(&mut self, now: Timestamp) {
        let (due, waiting) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = waiting;
        let due: Vec<(Timestamp, Operation)> = due;
        for (at, operation) in due {
            if !self.is_taken(&operation) {
                self.apply(&operation, at);
            }
        }
    }

    /// A second contact with one address.
    fn is_taken(&self, operation: &Operation) -> bool {
        let (of, _) = describe(operation);
        operation.write.kind() == WriteKind::CreateContact
            && self.records.iter().any(|record| record.kind == WriteKind::CreateContact && record.of == of)
    }

    fn attempt(&mut self, operation: &Operation, now: Timestamp) -> Attempted {
        if self.is_taken(operation) {
            return refused(true);
        }
        let refuses = self.draw(10) == 0;
        let refuses = *self.verdicts.entry(operation.id.clone()).or_insert(refuses);
        match self.draw(10) {
            0 => broken(),
            1 => not_sent(None),
            2 => {
                let problem = Problem::new(ProblemKind::QuotaExhausted, "429");
                let retry_after = Some(Duration::from_millis(2));
                Attempted::Deferred { problem, upstream_status: Some(429), retry_after }
            }
            _ if refuses => refused(self.draw(2) == 0),
            3 => {
                self.apply(operation, now);
                broken()
            }
            4 => {
                self.late.push((backoff::later(now, LATE), operation.clone()));
                broken()
            }
            // 422, and created all the same.
            5 if may_double(operation.write.kind()) => {
                self.apply(operation, now);
                refused(true)
            }
            _ => Attempted::Done { written: self.apply(operation, now), upstream_status: Some(201) },
        }
    }

    /// By what it says, not by whose it is: GHL knows nothing of operations. Its clock is another one, so that earlier
    /// records count as well: which of them are others' must be known.
    fn look(&self, operation: &Operation, taken: &[String]) -> Looked {
        let (kind, (of, content)) = (operation.write.kind(), describe(operation));
        let since = operation.uncertain_since.expect("only asked where something is uncertain");
        let found = self.records.iter().find(|record| {
            (record.kind, &record.of, &record.content) == (kind, &of, &content)
                && backoff::later(record.at, CLOCKS_DIFFER) >= since
                && !taken.contains(&record.id)
        });
        found.map_or(Looked::Absent, |record| Looked::Found(double::written(&record.id)))
    }
}

impl Delivery for Line {
    fn attempt<'a>(&'a self, operation: &'a Operation, _: Instant) -> BoxFuture<'a, Attempted> {
        Box::pin(async move {
            let pause = self.model.ghl.lock().unwrap().draw(4);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let now = self.model.clock.now();
            let mut ghl = self.model.ghl.lock().unwrap();
            if ghl.lives != self.life {
                // The process died before its call left.
                return broken();
            }
            ghl.arrive(now);
            ghl.attempt(operation, now)
        })
    }

    fn look<'a>(&'a self, operation: &'a Operation, taken: &'a [String], _: Instant) -> BoxFuture<'a, Looked> {
        let now = self.model.clock.now();
        let mut ghl = self.model.ghl.lock().unwrap();
        ghl.arrive(now);
        let retry_after = (ghl.draw(2) == 0).then(|| Duration::from_millis(1));
        let not_now = Looked::NotNow { problem: refusal(503), retry_after };
        let looked = if ghl.draw(5) == 0 { not_now } else { ghl.look(operation, taken) };
        Box::pin(std::future::ready(looked))
    }
}

/// What one life is made of.
struct Life {
    operations: Operations,
    store: Arc<Mortal>,
    tasks: Tasks,
}

async fn live(inner: &Arc<dyn OperationStore>, model: &Arc<Model>) -> Life {
    let life = {
        let mut ghl = model.ghl.lock().unwrap();
        ghl.lives += 1;
        ghl.lives
    };
    let (store, tasks) = (Mortal::new(Arc::clone(inner)), Tasks::new());
    let parts = Parts {
        store: Arc::clone(&store) as Arc<dyn OperationStore>,
        delivery: Arc::new(Line { model: Arc::clone(model), life }),
        clock: model.clock.clone(),
        tasks: tasks.clone(),
        metrics: Metrics::new(),
        touched: Arc::new(|_, _, _| ()),
        made: Arc::new(|_, _| ()),
    };
    let settings = OperationSettings { max_attempts: 10_000, settle: Duration::from_millis(15), ..settings() };
    Life { operations: Operations::start(parts, &settings).await.unwrap(), store, tasks }
}

/// Bodies repeat: two notes that say the same are two notes.
fn random_write(ghl: &mut Ghl, number: u64) -> Write {
    let of = format!("c{}", ghl.draw(CONTACTS));
    match ghl.draw(3) {
        0 => note(&of, ["same", "same again"][usize::from(ghl.draw(2) == 0)]),
        1 => tags(&of, &format!("t{number}")),
        _ => new_contact(&format!("p{number}@example.com")),
    }
}

async fn run(seed: u64) -> (Vec<Operation>, Ghl) {
    let model = Arc::new(Model { ghl: Mutex::new(Ghl { seed, ..Ghl::default() }), clock: Clock::system() });
    let own = Tasks::new();
    let inner = memory(&own).await;
    let (mut accepted, mut ended) = (Vec::new(), Vec::new());
    for number in 0..LIVES as u64 {
        let life = live(&inner, &model).await;
        for index in 0..WRITES_A_LIFE {
            let write = random_write(&mut model.ghl.lock().unwrap(), number * WRITES_A_LIFE + index);
            accepted.push(life.operations.submit(submission("loc1", write)).await.unwrap().operation.id);
        }
        let pause = model.ghl.lock().unwrap().draw(60);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        life.store.dead.store(true, Ordering::SeqCst);
        ended.push(life.tasks);
    }
    let last = live(&inner, &model).await;
    let mut operations = Vec::new();
    for id in accepted {
        let operation = last.operations.wait(id, Instant::now() + 3 * BOUND).await.unwrap();
        assert!(operation.state.ended(), "seed {seed}: {operation:?}");
        operations.push(operation);
    }
    for tasks in ended.into_iter().chain([last.tasks]) {
        assert!(tasks.shut_down(BOUND).await);
    }
    let mut ghl = std::mem::take(&mut *model.ghl.lock().unwrap());
    ghl.arrive(Timestamp::MAX);
    (operations, ghl)
}

/// Content of what should and what does stand there, by kind and contact.
type Contents = HashMap<(WriteKind, String), Vec<String>>;

fn sorted(mut contents: Contents) -> Contents {
    contents.values_mut().for_each(|each| each.sort());
    contents
}

fn assert_each_once(seed: u64, operations: &[Operation], ghl: &Ghl) {
    let (mut expected, mut held) = (Contents::new(), Contents::new());
    let mut ids = HashSet::new();
    for operation in operations {
        match operation.state {
            OperationState::Done => {
                let (of, content) = describe(operation);
                expected.entry((operation.write.kind(), of)).or_default().push(content);
                if may_double(operation.write.kind()) {
                    let id = operation.written.clone().unwrap().id.unwrap();
                    assert!(ids.insert(id), "seed {seed}: one record for two operations: {operation:?}");
                }
            }
            OperationState::Failed => assert!(ghl.verdicts[&operation.id], "seed {seed}: {operation:?}"),
            _ => panic!("seed {seed}: {operation:?}"),
        }
    }
    let mut tags = HashSet::new();
    for record in &ghl.records {
        // A tag that is added twice is there once.
        if may_double(record.kind) || tags.insert((&record.of, &record.content)) {
            held.entry((record.kind, record.of.clone())).or_default().push(record.content.clone());
        }
    }
    let (held, expected) = (sorted(held), sorted(expected));
    for key in held.keys().chain(expected.keys()) {
        assert_eq!(held.get(key), expected.get(key), "seed {seed}: {key:?}");
    }
}

fn assert_in_order(seed: u64, operations: &[Operation], ghl: &Ghl) {
    let seq_of: HashMap<&OperationId, (i64, &str)> =
        operations.iter().map(|one| (&one.id, (one.seq, one.order_key.as_str()))).collect();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for record in &ghl.records {
        let (seq, key) = seq_of[&record.operation];
        let before = last.insert(key, seq).unwrap_or_default();
        assert!(before <= seq, "seed {seed}: {record:?} came after one that was accepted later");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_accepted_write_is_there_once_and_in_order_whatever_breaks() {
    for seed in 1..=3 {
        let (operations, ghl) = run(seed).await;
        assert_eq!(operations.len(), LIVES * usize::try_from(WRITES_A_LIFE).unwrap());
        let done = operations.iter().filter(|operation| operation.state == OperationState::Done).count();
        assert!(done > operations.len() / 2, "seed {seed}: most are done");
        assert_each_once(seed, &operations, &ghl);
        assert_in_order(seed, &operations, &ghl);
    }
}
