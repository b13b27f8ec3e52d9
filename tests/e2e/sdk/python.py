#!/usr/bin/env python3
"""GHL's official Python SDK against the sandbox, unchanged but for the base URL.

    ghl-sandbox
    pip install -r tests/e2e/requirements.txt
    python tests/e2e/sdk/python.py

SANDBOX_URL (http://127.0.0.1:4010) can be set. The SDK speaks version v3 of the API, the TypeScript one 2023-02-21:
together they show that the sandbox answers both.
"""

import asyncio
import os
import unittest
from urllib.parse import parse_qs, urlsplit

import httpx
from highlevel import HighLevel
from highlevel.error import GHLError

LOCATION_ID = "sandboxLocation00001"
COMPANY_ID = "sandboxCompany000001"
CONTACT_ID = "seD4PfOuKoVMLkEZqohJ"
CLIENT_ID = "000000000000000000000001-sandbox1"
CLIENT_SECRET = "00000000-0000-4000-8000-0000000000ff"
REDIRECT_URI = "https://app.example/oauth/callback"
TOKEN = "pit-00000000-0000-4000-8000-000000000001"
TAG = "python-sdk"


class Sandbox(HighLevel):
    """No constructor argument names the host; this class attribute, read by the constructor, does."""

    BASE_URL = os.environ.get("SANDBOX_URL", "http://127.0.0.1:4010")


class AgainstTheSandbox(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # Not a test of the SDK's speed: no remarks about it.
        asyncio.get_running_loop().slow_callback_duration = 10
        # The SDK prints every error that it raises; here they are wanted, and looked at.
        self.ghl = Sandbox(private_integration_token=TOKEN, log_level="none")
        self.contacts = self.ghl.contacts
        self.addAsyncCleanup(self.ghl.http_client.aclose)

    async def contact(self):
        return (await self.contacts.get_contact(CONTACT_ID))["contact"]

    async def test_reads_a_contact(self):
        contact = await self.contact()
        self.assertEqual(contact["id"], CONTACT_ID)
        self.assertEqual(contact["locationId"], LOCATION_ID)

    async def test_reads_its_notes(self):
        notes = (await self.contacts.get_all_notes(CONTACT_ID))["notes"]
        self.assertTrue(notes)
        note = (await self.contacts.get_note(CONTACT_ID, notes[0]["id"]))["note"]
        self.assertEqual(note, notes[0])

    async def test_reads_its_tasks(self):
        tasks = (await self.contacts.get_all_tasks(CONTACT_ID))["tasks"]
        self.assertTrue(tasks)
        task = (await self.contacts.get_task(CONTACT_ID, tasks[0]["id"]))["task"]
        self.assertEqual(task, tasks[0])

    async def test_searches_page_by_page(self):
        async def search(**more):
            return await self.contacts.search_contacts_advanced({"locationId": LOCATION_ID, "pageLimit": 2, **more})

        first = await search()
        self.assertEqual(len(first["contacts"]), 2)
        self.assertGreater(first["total"], 2)
        second = await search(searchAfter=first["contacts"][1]["searchAfter"])
        ids = {contact["id"] for contact in first["contacts"] + second["contacts"]}
        self.assertEqual(len(ids), 4)

    async def test_searches_by_a_filter(self):
        email = (await self.contact())["email"]
        found = await self.contacts.search_contacts_advanced(
            {
                "locationId": LOCATION_ID,
                "pageLimit": 10,
                "filters": [{"field": "email", "operator": "eq", "value": email}],
            }
        )
        self.assertEqual([contact["id"] for contact in found["contacts"]], [CONTACT_ID])

    async def test_adds_a_tag_sees_it_removes_it(self):
        added = await self.contacts.add_tags(CONTACT_ID, {"tags": [TAG]})
        self.assertIn(TAG, added["tags"])
        self.assertIn(TAG, (await self.contact())["tags"])
        removed = await self.contacts.remove_tags(CONTACT_ID, {"tags": [TAG]})
        self.assertNotIn(TAG, removed["tags"])
        self.assertNotIn(TAG, (await self.contact()).get("tags", []))

    async def test_gets_ghls_errors_as_its_own(self):
        with self.assertRaises(GHLError) as unknown:
            await self.contacts.get_contact("00000000000000000000")
        self.assertEqual(unknown.exception.status_code, 400)

        stranger = Sandbox(private_integration_token="pit-11111111-1111-4111-8111-111111111111", log_level="none")
        self.addAsyncCleanup(stranger.http_client.aclose)
        with self.assertRaises(GHLError) as refused:
            await stranger.contacts.get_contact(CONTACT_ID)
        self.assertEqual(refused.exception.status_code, 401)


class AsAnAppOfTheMarketplace(unittest.IsolatedAsyncioTestCase):
    """What stands before the callback is a browser's part, and done here by hand."""

    async def asyncSetUp(self):
        asyncio.get_running_loop().slow_callback_duration = 10
        self.ghl = Sandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, log_level="none")
        self.addAsyncCleanup(self.ghl.http_client.aclose)
        self.sessions = self.ghl.get_session_storage()
        self.browser = httpx.AsyncClient(base_url=Sandbox.BASE_URL)
        self.addAsyncCleanup(self.browser.aclose)

    async def consent(self, whom, scope):
        """The SDK writes the authorize page's address for GHL's host and offers no other: path and query count."""
        url = urlsplit(self.ghl.oauth.get_authorization_url(CLIENT_ID, REDIRECT_URI, scope))
        answer = await self.browser.get(f"{url.path}?{url.query}&sandbox_consent={whom}")
        self.assertEqual(answer.status_code, 302, answer.text)
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    async def exchange(self, code, user_type):
        return await self.ghl.oauth.get_access_token(
            {
                "clientId": CLIENT_ID,
                "clientSecret": CLIENT_SECRET,
                "grantType": "authorization_code",
                "code": code,
                "userType": user_type,
                "redirectUri": REDIRECT_URI,
            }
        )

    async def access_tokens_last(self, seconds):
        answer = await self.browser.post("/__sandbox/oauth", json={"accessTokenSeconds": seconds})
        self.assertEqual(answer.status_code, 200, answer.text)

    async def read(self):
        found = await self.ghl.contacts.get_contact(CONTACT_ID, options={"headers": {"locationId": LOCATION_ID}})
        return found["contact"]

    async def test_obtains_tokens_uses_them_and_refreshes_them_before_they_end(self):
        code = await self.consent(LOCATION_ID, "contacts.readonly contacts.write")
        # It ends so soon that the SDK refreshes it before the first use.
        await self.access_tokens_last(10)
        try:
            pair = await self.exchange(code, "Location")
        finally:
            await self.access_tokens_last(86_400)
        self.assertEqual((pair["userType"], pair["locationId"]), ("Location", LOCATION_ID))
        with self.assertRaises(GHLError) as used:
            await self.exchange(code, "Location")
        self.assertEqual(used.exception.status_code, 401)

        await self.sessions.set_session(LOCATION_ID, pair)
        self.assertEqual((await self.read())["id"], CONTACT_ID)
        # Version 3.0.0 keeps the new pair beside the old one, which it goes on using under its names in snake case.
        kept = await self.sessions.get_session(LOCATION_ID)
        self.assertNotEqual(kept["refreshToken"], pair["refreshToken"])
        self.assertNotEqual(kept["accessToken"], pair["accessToken"])

        refresh_token = kept["refreshToken"]
        again = await self.ghl.oauth.refresh_token(refresh_token, CLIENT_ID, CLIENT_SECRET, "refresh_token", "Location")
        self.assertNotEqual(again["refreshToken"], refresh_token)
        await self.sessions.delete_session(LOCATION_ID)
        await self.sessions.set_session(LOCATION_ID, again)
        self.assertEqual((await self.read())["id"], CONTACT_ID)

    async def test_gets_a_locations_token_by_the_agencys(self):
        code = await self.consent("company", "contacts.readonly oauth.readonly oauth.write")
        agency = await self.exchange(code, "Company")
        self.assertEqual(agency["userType"], "Company")
        await self.sessions.set_session(COMPANY_ID, agency)

        app_id = CLIENT_ID.split("-")[0]
        installed = await self.ghl.oauth.get_installed_location(COMPANY_ID, app_id, page_size=100, is_installed=True)
        self.assertIn(LOCATION_ID, [location["_id"] for location in installed["items"]])
        wanted = {"companyId": COMPANY_ID, "locationId": LOCATION_ID}
        pair = await self.ghl.oauth.get_location_access_token(wanted)
        self.assertEqual(pair["locationId"], LOCATION_ID)
        await self.sessions.set_session(LOCATION_ID, pair)
        self.assertEqual((await self.read())["id"], CONTACT_ID)


if __name__ == "__main__":
    unittest.main(verbosity=2)
