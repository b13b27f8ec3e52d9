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

from highlevel import HighLevel
from highlevel.error import GHLError

LOCATION_ID = "sandboxLocation00001"
CONTACT_ID = "seD4PfOuKoVMLkEZqohJ"
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
