// The service as a browser meets it: Swagger UI from the binary alone, and pages of other origins.
//
//   ENRICH_HTTP__CORS_ORIGINS='["http://localhost:18090"]' ghl-enrich demo
//   cd tests/e2e && npm install --no-package-lock && npm run browser
//
// SERVICE_URL (http://127.0.0.1:8080), ALLOWED_ORIGIN_PORT (18090), OTHER_ORIGIN_PORT (18091), CHROMIUM
// (/usr/bin/chromium) and E2E_OUTPUT (a folder for screenshots) can be set.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const service = process.env.SERVICE_URL ?? 'http://127.0.0.1:8080';
const allowedPort = Number(process.env.ALLOWED_ORIGIN_PORT ?? 18090);
const otherPort = Number(process.env.OTHER_ORIGIN_PORT ?? 18091);
const output = process.env.E2E_OUTPUT ?? join(tmpdir(), 'ghl-enrich-e2e');
const contact = 'seD4PfOuKoVMLkEZqohJ';
const profilePath = '/v1/contacts/{contactId}/profile';
const profileUrl = `${service}/v1/contacts/${contact}/profile`;
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

let browser;
const pageServers = [];

// An empty page on an origin of its own: localhost and 127.0.0.1 are different origins, and so are two ports.
function servePage(port) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>a dashboard</title></html>');
  });
  pageServers.push(server);
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, 'localhost', resolve);
  });
}

// A page that notes whatever goes wrong on it, and every request that would leave this machine. None does: the browser
// knows no other host. It only watches; intercepting would make the browser answer preflights itself.
async function openPage() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1600 } });
  const page = await context.newPage();
  const seen = { requests: 0, outside: [], errors: [], failed: [] };
  page.on('request', (request) => {
    const url = new URL(request.url());
    seen.requests += 1;
    if (!['data:', 'blob:'].includes(url.protocol) && !loopback.has(url.hostname)) seen.outside.push(url.href);
  });
  page.on('console', (message) => message.type() === 'error' && seen.errors.push(message.text()));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('requestfailed', (request) => seen.failed.push(`${request.url()}: ${request.failure()?.errorText}`));
  return { context, page, seen };
}

before(async () => {
  mkdirSync(output, { recursive: true });
  await Promise.all([servePage(allowedPort), servePage(otherPort)]);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1',
    ],
  });
});

after(async () => {
  await browser?.close();
  for (const server of pageServers) server.close();
});

test('/docs shows every operation, from this service alone and without an error', async () => {
  const { context, page, seen } = await openPage();
  const document = await (await fetch(`${service}/openapi.json`)).json();
  const methods = new Set(['get', 'put', 'post', 'delete', 'patch', 'head', 'options']);
  const operations = Object.values(document.paths).flatMap((path) => Object.keys(path).filter((key) => methods.has(key)));

  const response = await page.goto(`${service}/docs`, { waitUntil: 'networkidle' });
  assert.equal(response.status(), 200);
  await page.waitForSelector('.opblock');
  assert.equal(await page.locator('.opblock').count(), operations.length);
  await page.screenshot({ path: join(output, 'docs.png') });

  assert.match((await response.allHeaders())['content-security-policy'] ?? '', /default-src/);
  assert.ok(seen.requests > 1);
  assert.deepEqual(seen, { requests: seen.requests, outside: [], errors: [], failed: [] });
  await context.close();
});

test('"Try it out" on the profile answers with the example contact', async () => {
  const { context, page, seen } = await openPage();
  await page.goto(`${service}/docs`, { waitUntil: 'networkidle' });
  const operation = page.locator('.opblock', { has: page.locator(`[data-path="${profilePath}"]`) });
  await operation.locator('.opblock-summary-control').click();
  // The page may come with the form open already.
  const tryItOut = operation.getByRole('button', { name: 'Try it out' });
  if (await tryItOut.count()) await tryItOut.click();
  assert.equal(await operation.locator('input[placeholder="contactId"]').inputValue(), contact);
  await operation.locator('button.execute').click();

  const live = operation.locator('.live-responses-table');
  await live.waitFor();
  await live.scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(output, 'try-it-out.png') });
  assert.match(await live.locator('.response-col_status').nth(1).innerText(), /^200\b/);
  const shown = JSON.parse(await live.locator('.response-col_description code').first().innerText());
  assert.equal(shown.id, contact);
  assert.equal(shown.sections.contact.status, 'fresh');

  assert.deepEqual(seen, { requests: seen.requests, outside: [], errors: [], failed: [] });
  await context.close();
});

test('"Try it out" on a note writes it, and the operation behind it can be read', async () => {
  const { context, page, seen } = await openPage();
  await page.goto(`${service}/docs`, { waitUntil: 'networkidle' });
  const path = page.locator('[data-path="/v1/contacts/{contactId}/notes"]');
  const operation = page.locator('.opblock-post', { has: path });
  await operation.locator('.opblock-summary-control').click();
  const tryItOut = operation.getByRole('button', { name: 'Try it out' });
  if (await tryItOut.count()) await tryItOut.click();
  await operation.locator('button.execute').click();

  const live = operation.locator('.live-responses-table');
  await live.waitFor();
  await live.scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(output, 'try-a-write.png') });
  assert.match(await live.locator('.response-col_status').nth(1).innerText(), /^201\b/);
  const written = JSON.parse(await live.locator('.response-col_description code').first().innerText());
  const headers = await live.locator('.response-col_description .headerline').allInnerTexts();
  const id = headers.map((line) => /operation-id:\s*(\S+)/i.exec(line)?.[1]).find(Boolean);
  const done = await (await fetch(`${service}/v1/operations/${id}`)).json();
  assert.equal(done.state, 'done');
  assert.equal(done.result.body.id, written.id);

  assert.deepEqual(seen, { requests: seen.requests, outside: [], errors: [], failed: [] });
  await context.close();
});

test('a page of an allowed origin reads the profile and its cache headers', async () => {
  const { context, page, seen } = await openPage();
  await page.goto(`http://localhost:${allowedPort}/`);
  const answer = await page.evaluate(async (url) => {
    const first = await fetch(url);
    const etag = first.headers.get('etag');
    // Not a simple request: the browser asks first (a preflight), whether this header may be sent.
    const again = await fetch(url, { headers: { 'If-None-Match': etag } });
    return {
      status: first.status,
      id: (await first.json()).id,
      rest: await again.text(),
      etag,
      cacheStatus: first.headers.get('cache-status'),
      again: again.status,
    };
  }, profileUrl);
  assert.equal(answer.status, 200);
  assert.equal(answer.id, contact);
  assert.match(answer.etag, /^W\/"/);
  assert.match(answer.cacheStatus, /(hit|fwd)/);
  assert.equal(answer.again, 304);
  assert.equal(answer.rest, '');
  // Chromium at times calls a request failed whose 304 the page has read: only the page's word counts here.
  assert.deepEqual(seen.errors, []);
  await context.close();
});

test('a page of an allowed origin also reads problems', async () => {
  const { context, page } = await openPage();
  await page.goto(`http://localhost:${allowedPort}/`);
  const problem = await page.evaluate(async (url) => {
    const response = await fetch(url);
    return { status: response.status, body: await response.json(), type: response.headers.get('content-type') };
  }, `${service}/v1/contacts/00000000000000000000/profile`);
  assert.equal(problem.status, 404);
  assert.match(problem.type, /^application\/problem\+json/);
  assert.match(problem.body.type, /contact-not-found$/);
  await context.close();
});

test('a page of any other origin reads nothing', async () => {
  const { context, page } = await openPage();
  await page.goto(`http://localhost:${otherPort}/`);
  const failure = await page.evaluate(
    (url) => fetch(url).then((response) => `answered ${response.status}`, (error) => error.name),
    profileUrl,
  );
  assert.equal(failure, 'TypeError');
  await context.close();
});
