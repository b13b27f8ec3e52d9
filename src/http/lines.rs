//! A body of lines, read as it is worked on: however long it is, a few lines of it are in memory.
//!
//! actix reads a body on the worker that has its connection, and who takes the lines may run anywhere: so they go through a
//! channel, and while it is full the client is not read from.

use super::body;
use crate::domain::problem::Problem;
use crate::domain::source::MAX_LINE_BYTES;
use actix_web::{HttpRequest, web::Payload};
use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use std::{pin::pin, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// Lines that wait for whoever works on them.
const AHEAD: usize = 64;

/// The lines of a body on their way.
pub(super) type Lines = BoxStream<'static, Result<Bytes, Problem>>;

/// Has a body worked on line by line. No piece of it may keep us waiting for longer than `idle`; of the whole, `work`
/// decides how long it takes.
pub(super) async fn feed<T, W>(
    request: &HttpRequest,
    mut payload: Payload,
    idle: Duration,
    work: impl FnOnce(Lines) -> W,
) -> Result<T, Problem>
where
    W: Future<Output = Result<T, Problem>>,
{
    let (send, receive) = mpsc::channel(AHEAD);
    let received = stream::unfold(receive, async |mut receive| receive.recv().await.map(|line| (line, receive)));
    let mut ended = false;
    let outcome = {
        let mut reading = pin!(read(&mut payload, send, idle));
        let mut working = pin!(work(received.boxed()));
        loop {
            tokio::select! {
                outcome = &mut working => break outcome,
                () = &mut reading, if !ended => ended = true,
            }
        }
    };
    if !ended || outcome.is_err() {
        body::give_up(request, payload);
    }
    outcome
}

async fn read(payload: &mut Payload, send: mpsc::Sender<Result<Bytes, Problem>>, idle: Duration) {
    let mut cutter = Cutter::default();
    loop {
        let chunk = match timeout(idle, payload.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => {
                // Nobody listens any more: then it is nobody's loss.
                let _ = send.send(Err(body::unreadable(&error.into()))).await;
                return;
            }
            Err(_) => {
                let _ = send.send(Err(body::not_in_time())).await;
                return;
            }
        };
        let mut rest = &chunk[..];
        while let Some(line) = cutter.cut(&mut rest) {
            if send.send(Ok(line)).await.is_err() {
                return;
            }
        }
    }
    if let Some(line) = cutter.last() {
        let _ = send.send(Ok(line)).await;
    }
}

/// Cuts lines out of pieces, and keeps of a line no more than shows that it is too long.
#[derive(Debug, Default)]
struct Cutter {
    line: BytesMut,
}

impl Cutter {
    /// The next line that ends within `rest`, which then begins behind it.
    fn cut(&mut self, rest: &mut &[u8]) -> Option<Bytes> {
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.keep(&rest[..end.unwrap_or(rest.len())]);
        *rest = end.map_or(&[], |end| &rest[end + 1..]);
        end.map(|_| self.take())
    }

    /// What stands behind the last line's end.
    fn last(mut self) -> Option<Bytes> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = (MAX_LINE_BYTES + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn take(&mut self) -> Bytes {
        let whole = self.line.len() <= MAX_LINE_BYTES;
        if whole && self.line.ends_with(b"\r") {
            self.line.truncate(self.line.len() - 1);
        }
        self.line.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(pieces: &[&[u8]]) -> Vec<Bytes> {
        let mut cutter = Cutter::default();
        let mut lines = Vec::new();
        for mut piece in pieces.iter().copied() {
            lines.extend(std::iter::from_fn(|| cutter.cut(&mut piece)));
        }
        lines.extend(cutter.last());
        lines
    }

    #[test]
    fn lines_end_where_they_end() {
        assert_eq!(cut(&[b"a\r\n\nb", b"c\n", b"d"]), ["a", "", "bc", "d"]);
        assert_eq!(cut(&[b"a\n"]), ["a"]);
        assert!(cut(&[b""]).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_off_where_it_shows_that_it_is_too_long() {
        let (fits, long) = (vec![b'x'; MAX_LINE_BYTES], vec![b'x'; 3 * MAX_LINE_BYTES]);
        let lines = cut(&[&fits, b"\n", &long, &long, b"\r\nnext\n"]);
        let lengths: Vec<usize> = lines.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 4]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_pieces_end(text in "[a\n]{0,40}", at in 0_usize..40) {
            let at = at.min(text.len());
            let (one, other) = text.as_bytes().split_at(at);
            let whole: Vec<_> = text.lines().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
            prop_assert_eq!(cut(&[one, other]), whole);
        }
    }
}
