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
const companyId = 'sandboxCompany000001';
const contactId = 'seD4PfOuKoVMLkEZqohJ';
const client = {
  clientId: '000000000000000000000001-sandbox1',
  clientSecret: '00000000-0000-4000-8000-0000000000ff',
};
const redirectUri = 'https://app.example/oauth/callback';
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

// As an app of the marketplace: what stands before the callback is a browser's part, and done here by hand.

const install = () => new HighLevel({ ...client, logLevel: 'none' });

// The SDK writes the authorize page's address for GHL's host and offers no other: its path and query are what counts.
const consent = async (app, whom, scope) => {
  const url = new URL(app.oauth.getAuthorizationUrl(client.clientId, redirectUri, scope));
  url.searchParams.set('sandbox_consent', whom);
  const answer = await fetch(`${sandbox}${url.pathname}${url.search}`, { redirect: 'manual' });
  assert.equal(answer.status, 302, await answer.text());
  return new URL(answer.headers.get('location')).searchParams.get('code');
};

const exchange = (app, code, userType) =>
  app.oauth.getAccessToken({
    client_id: client.clientId,
    client_secret: client.clientSecret,
    grant_type: 'authorization_code',
    code,
    user_type: userType,
    redirect_uri: redirectUri,
  });

// Tokens that the SDK stores end so soon that it refreshes them before the first use.
const shortLived = async (work) => {
  const lasting = async (accessTokenSeconds) => {
    const body = JSON.stringify({ accessTokenSeconds });
    const answer = await fetch(`${sandbox}/__sandbox/oauth`, { method: 'POST', body });
    assert.equal(answer.status, 200);
  };
  await lasting(10);
  return work().finally(() => lasting(86_400));
};

const read = (app) => app.contacts.getContact({ contactId }, { headers: { locationId } });
const session = (app, id) => app.getSessionStorage().getSession(id);

test('obtains tokens by a code, uses them, and refreshes them before they end', async () => {
  const app = install();
  const pair = await shortLived(async () => {
    const code = await consent(app, locationId, 'contacts.readonly contacts.write');
    const first = await exchange(app, code, 'Location');
    await assert.rejects(exchange(app, code, 'Location'), (error) => error.statusCode === 401);
    return first;
  });
  assert.equal(pair.userType, 'Location');
  assert.equal(pair.locationId, locationId);
  await app.getSessionStorage().setSession(locationId, pair);

  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => read(app)));
  assert.ok(answers.every(({ contact }) => contact.id === contactId));
  const kept = await session(app, locationId);
  assert.notEqual(kept.access_token, pair.access_token);
  assert.notEqual(kept.refresh_token, pair.refresh_token);
  assert.ok(kept.expire_at > Date.now() + 80_000_000);
});

test('refreshes when GHL no longer takes its token', async () => {
  const app = install();
  const pair = await exchange(app, await consent(app, locationId, 'contacts.readonly'), 'Location');
  const ended = { ...pair, access_token: 'sandbox.oauth-expired.access' };
  await app.getSessionStorage().setSession(locationId, ended);
  assert.equal((await read(app)).contact.id, contactId);
  assert.notEqual((await session(app, locationId)).refresh_token, pair.refresh_token);
});

test("gets a location's token by the agency's", async () => {
  const app = install();
  const scope = 'contacts.readonly oauth.readonly oauth.write';
  const agency = await exchange(app, await consent(app, 'company', scope), 'Company');
  assert.equal(agency.userType, 'Company');
  assert.ok(agency.approvedLocations.includes(locationId));
  await app.getSessionStorage().setSession(companyId, agency);

  const appId = client.clientId.split('-')[0];
  const { locations } = await app.oauth.getInstalledLocation({ companyId, appId, isInstalled: true });
  assert.ok(locations.some(({ _id }) => _id === locationId));
  const pair = await app.oauth.getLocationAccessToken({ companyId, locationId });
  assert.equal(pair.locationId, locationId);
  await app.getSessionStorage().setSession(locationId, pair);
  assert.equal((await read(app)).contact.id, contactId);
});

test("falls back to the agency's token when a location's refresh is refused", async () => {
  const app = install();
  const agency = await exchange(app, await consent(app, 'company', 'contacts.readonly oauth.write'), 'Company');
  await app.getSessionStorage().setSession(companyId, agency);
  const pair = await shortLived(() => app.oauth.getLocationAccessToken({ companyId, locationId }));
  await app.getSessionStorage().setSession(locationId, { ...pair, refresh_token: 'lost' });
  assert.equal((await read(app)).contact.id, contactId);
  assert.notEqual((await session(app, locationId)).access_token, pair.access_token);
});
