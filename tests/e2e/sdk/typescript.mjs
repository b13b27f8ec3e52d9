// GHL's official TypeScript SDK against the sandbox, unchanged but for the base URL.
//
//   ghl-sandbox
//   cd tests/e2e && npm install --no-package-lock && npm run sdk
//
// SANDBOX_URL (http://127.0.0.1:4010) can be set.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { GHLError, GHLValidationError, HighLevel } from '@gohighlevel/api-client';

const sandbox = process.env.SANDBOX_URL ?? 'http://127.0.0.1:4010';
const locationId = 'sandboxLocation00001';
const contactId = 'seD4PfOuKoVMLkEZqohJ';
const tag = 'typescript-sdk';

// No constructor option names the host; this class property, read by the constructor, does.
HighLevel.BASE_URL = sandbox;

// The SDK logs every error that it throws; here they are wanted, and looked at.
const connect = (privateIntegrationToken) => new HighLevel({ privateIntegrationToken, logLevel: 'none' });
let ghl;

before(() => {
  ghl = connect('pit-00000000-0000-4000-8000-000000000001');
});

const tagsOfContact = async () => (await ghl.contacts.getContact({ contactId })).contact.tags ?? [];

test('reads a contact', async () => {
  const { contact } = await ghl.contacts.getContact({ contactId });
  assert.equal(contact.id, contactId);
  assert.equal(contact.locationId, locationId);
});

test('reads its notes', async () => {
  const { notes } = await ghl.contacts.getAllNotes({ contactId });
  assert.ok(notes.length > 0);
  const { note } = await ghl.contacts.getNote({ contactId, id: notes[0].id });
  assert.deepEqual(note, notes[0]);
});

test('reads its tasks', async () => {
  const { tasks } = await ghl.contacts.getAllTasks({ contactId });
  assert.ok(tasks.length > 0);
  const { task } = await ghl.contacts.getTask({ contactId, taskId: tasks[0].id });
  assert.deepEqual(task, tasks[0]);
});

test('searches contacts, page by page', async () => {
  const search = (more) => ghl.contacts.searchContactsAdvanced({ locationId, pageLimit: 2, ...more });
  const first = await search();
  assert.equal(first.contacts.length, 2);
  assert.ok(first.total > 2);
  const second = await search({ searchAfter: first.contacts[1].searchAfter });
  const ids = [...first.contacts, ...second.contacts].map((contact) => contact.id);
  assert.equal(new Set(ids).size, 4);
});

test('searches by a filter', async () => {
  const { contact } = await ghl.contacts.getContact({ contactId });
  const found = await ghl.contacts.searchContactsAdvanced({
    locationId,
    pageLimit: 10,
    filters: [{ field: 'email', operator: 'eq', value: contact.email }],
  });
  assert.deepEqual(found.contacts.map(({ id }) => id), [contactId]);
});

test('adds a tag, sees it, removes it', async () => {
  const added = await ghl.contacts.addTags({ contactId }, { tags: [tag] });
  assert.ok(added.tags.includes(tag));
  assert.ok((await tagsOfContact()).includes(tag));
  const removed = await ghl.contacts.removeTags({ contactId }, { tags: [tag] });
  assert.ok(!removed.tags.includes(tag));
  assert.ok(!(await tagsOfContact()).includes(tag));
});

test("gets GHL's errors as its own classes", async () => {
  // GHL answers 400 for a contact it does not know, and the SDK calls every 400 a validation error.
  const failure = await ghl.contacts.getContact({ contactId: '00000000000000000000' }).catch((error) => error);
  assert.ok(failure instanceof GHLValidationError, String(failure));
  assert.equal(failure.statusCode, 400);

  const stranger = connect('pit-11111111-1111-4111-8111-111111111111');
  const refused = await stranger.contacts.getContact({ contactId }).catch((error) => error);
  assert.ok(refused instanceof GHLError, String(refused));
  assert.equal(refused.statusCode, 401);
});
