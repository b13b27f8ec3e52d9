#!/usr/bin/env python3
"""Replays a day of Insurgo against a running service: signs each event as Insurgo would, and shows what became of it.

Needs Python 3 and nothing else. With `ghl-enrich demo` running in another terminal:

    python3 examples/insurgo/replay.py                    # the events of events/, one after the other
    python3 examples/insurgo/replay.py --dry-run          # only what would be done
    python3 examples/insurgo/replay.py --day 500          # a made-up day of 500 events, shuffled and with repetitions

Against a service of your own: --url, the secret of the source in the variable INSURGO_SECRET and, where the service has keys,
one with the role read in ENRICH_KEY: it is asked what became of the events.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import random
import sys
import time
import urllib.error
import urllib.request

# The demo's, which is no secret.
DEMO_SECRET = "whsec_ZGVtby1pbnN1cmdvLWRlbW8taW5zdXJnby0wMDE="
# How often a request is sent that could not be taken, and how many events one holds.
TRIES, BATCH = 10, 50


def signed(secret, message_id, body):
    """The three headers of Standard Webhooks (https://www.standardwebhooks.com): an HMAC over id, time and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    now = str(int(time.time()))
    signature = hmac.new(key, f"{message_id}.{now}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": now,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }


def call(url, body=None, headers=None):
    """Status and JSON of an answer, problems included."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def push(options, message_id, events):
    """Sends events, again and again while the service cannot take them. What came twice changes nothing."""
    body = json.dumps(events).encode()
    path = f"{options.url}/v1/sources/{options.source}/events" + ("?dryRun=true" if options.dry_run else "")
    for number in range(TRIES):
        status, answer = call(path, body, signed(options.secret, message_id, body))
        if status != 429 and status < 500:
            break
        time.sleep(answer.get("retryAfterSeconds") or 2**number)
    if status not in (200, 202):
        sys.exit(f"refused with {status}: {json.dumps(answer, indent=2)}")
    return answer


def samples():
    """The events of events/, by file name."""
    folder = pathlib.Path(__file__).parent / "events"
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


def made_up_day(count, seed):
    """Contacts that come, change, get tasks, notes and tags; shuffled within half a minute, one event in ten twice."""
    dice, people, events = random.Random(seed), [], []
    begin = datetime.datetime(2026, 11, 22, 6, tzinfo=datetime.timezone.utc)
    for number in range(count):
        moment = begin + datetime.timedelta(seconds=number * 86_400 / count)
        if not people or dice.random() < 0.1:
            kind, person = "contact.created", {"id": f"day{seed}-{len(people)}", "tasks": []}
            people.append(person)
            data = {"firstName": "Day", "lastName": f"Number {len(people)}", "email": f"{person['id']}@example.com"}
        else:
            person = dice.choice(people)
            kind, data = happening(dice, person, number)
        data["contactId"] = person["id"]
        at = moment.isoformat().replace("+00:00", "Z")
        events.append({"id": f"day{seed}-evt-{number}", "type": kind, "occurredAt": at, "data": data})
    late = [(number * 86_400 / count + dice.uniform(0, 30), event) for number, event in enumerate(events)]
    shuffled = [event for _, event in sorted(late, key=lambda pair: pair[0])]
    return [event for one in shuffled for event in ([one, one] if dice.random() < 0.1 else [one])]


def happening(dice, person, number):
    """Something that happens to a contact."""
    roll = dice.random()
    if roll < 0.3:
        person["tasks"].append(f"{person['id']}-task-{number}")
        data = {"taskId": person["tasks"][-1], "title": f"Task {number}", "dueDate": "2027-03-01T09:00:00Z", "status": "open"}
        return "task.created", data
    if roll < 0.5 and person["tasks"]:
        return "task.completed", {"taskId": dice.choice(person["tasks"])}
    if roll < 0.7:
        return "note.added", {"noteId": f"{person['id']}-note-{number}", "notes": f"Note {number}"}
    if roll < 0.85:
        return dice.choice(["tags.added", "tags.removed"]), {"tagNames": [dice.choice(["gold", "renewal due"])]}
    return "contact.updated", {"lastName": f"Changed {number}", "email": f"{person['id']}@example.com"}


def settle(options):
    """Waits until every event is at its end."""
    while True:
        status, answer = call(f"{options.url}/v1/sources", headers=options.key)
        if status != 200:
            sys.exit(f"cannot ask how it stands ({status}): {answer.get('detail')}")
        source = next((one for one in answer["items"] if one["name"] == options.source), None)
        if source is None:
            sys.exit(f"there is no source {options.source}")
        if source["pending"] == 0:
            return source
        time.sleep(0.05)


def show_plan(plan):
    """A dry run, in a few lines an event."""
    for event in plan["events"]:
        print(f"{event['eventId']}  {event['kind']}  {event['outcome']}  {event['reason'] or ''}".rstrip())
        for planned in event["calls"]:
            print(f"    {planned['method']} {planned['path']}  {json.dumps(planned['body']) if planned['body'] else ''}")
        for field in event["fields"]:
            print(f"    {field['field']}: {field['from']!r} -> {field['to']!r}  {field['action']} ({field['why']})")
    print(f"quota: {plan['quota']['reads']} reads, {plan['quota']['writes']} writes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the service is")
    parser.add_argument("--source", default="insurgo", help="name of the source in its settings")
    parser.add_argument("--day", type=int, metavar="EVENTS", help="a made-up day in place of the samples")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same day")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    options = parser.parse_args()
    options.secret = os.environ.get("INSURGO_SECRET", DEMO_SECRET)
    key = os.environ.get("ENRICH_KEY")
    options.key = {"x-api-key": key} if key else {}

    events = made_up_day(options.day, options.seed) if options.day else samples()
    if options.dry_run:
        show_plan(push(options, "msg_dry", events[:BATCH]))
        return
    began = time.monotonic()
    taken = {"accepted": 0, "duplicates": 0}
    # The samples are a story: each is carried out before the next one is told, as it would be in a day.
    size = BATCH if options.day else 1
    for start in range(0, len(events), size):
        receipt = push(options, f"msg_{start}", events[start : start + size])
        for count in taken:
            taken[count] += receipt[count]
        if not options.day:
            settle(options)
    print(f"taken in: {taken['accepted']} new, {taken['duplicates']} that came before, in {time.monotonic() - began:.1f} s")
    source = settle(options)
    print(f"carried out after {time.monotonic() - began:.1f} s: {source['waiting']} wait, {source['failed']} failed; "
          f"known: {source['records']}")
    if not options.day:
        for sent in events:
            path = f"{options.url}/v1/sources/{options.source}/events/{sent['id']}"
            event = call(path, headers=options.key)[1]
            print(f"  {event['eventId']}  {event['kind'] or '-':16} {event['fate']:8} {event['detail'] or ''}".rstrip())


if __name__ == "__main__":
    main()
