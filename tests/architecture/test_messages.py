#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every kind of message in daemon/base/message.h has a good MESSAGE_ID, is logged, and has its entry in
systemd/bearerd.catalog and its row in docs/operating.md; and nothing is logged that is of no kind.
Takes the root of the sources."""

import pathlib
import re
import sys
import uuid

TABLE, CATALOG, GUIDE = "daemon/base/message.h", "systemd/bearerd.catalog", "docs/operating.md"
KIND = re.compile(r'^ +X\((\w+), +"([^"]*)", +LOG_(\w+)\)', re.M)
CALL = re.compile(r"\b(log_begin|log_line|log_errno|begin_message)\(([^;{]*)[;{]")
# What writes beside the log, and where it may.
ASIDE = re.compile(r"\b(f?puts|fprintf|fputs)\([^;]*\bstderr\b|\b(perror|syslog|vsyslog|warnx?|errx?|"
                   r"dprintf|sd_journal_\w+)\(")
MAY_WRITE_ASIDE = {
    "daemon/base/log.c": "it is the log",
    "daemon/fetch/check.c": "the answer of --check-config, to who called it",
}
PRIORITY = {"INFO": "info", "WARNING": "warning", "ERR": "err"}
HEADER = ["Subject", "Defined-By", "Support"]


class Messages:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.mistakes = []
        self.kinds = {name: (message_id, PRIORITY[priority]) for name, message_id, priority
                      in KIND.findall(self.text(TABLE))}
        self.sources = {str(file.relative_to(self.root)): file.read_text(encoding="utf-8")
                        for file in sorted((self.root / "daemon").rglob("*.[ch]"))}

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def say(self, path, mistake):
        self.mistakes.append(f"{path}: {mistake}")

    def check_table(self):
        if len(self.kinds) != len(re.findall(r"\bX\(", self.text(TABLE))) or not self.kinds:
            self.say(TABLE, "has a line that is not understood, or a name twice")
        ids = [message_id for message_id, _ in self.kinds.values()]
        for message_id in ids:
            if not re.fullmatch("[0-9a-f]{32}", message_id) or uuid.UUID(message_id).version != 4:
                self.say(TABLE, f'"{message_id}" is not of journalctl --new-id128')
            if ids.count(message_id) > 1:
                self.say(TABLE, f"{message_id} is there twice")

    def check_calls(self):
        """That a call has a kind, the compiler sees; here, that the kind is a constant or handed on."""
        used = set()
        for path, text in self.sources.items():
            used |= set(re.findall(r"\bMESSAGE_(\w+)", text))
            for call in CALL.finditer(text):
                if not re.search(r"\bMESSAGE_[A-Z]|\bkind\b", call[2]):
                    self.say(path, f"{call[0]} names no kind")
            if ASIDE.search(text) and path not in MAY_WRITE_ASIDE:
                self.say(path, f"{ASIDE.search(text)[0]} is not the log")
            if path != TABLE and re.search(r'"[0-9a-f]{32}"', text):
                self.say(path, f"an id: its place is {TABLE}")
        for name in self.kinds.keys() - used:
            self.say(TABLE, f"{name} is never logged")

    def check_ids(self, path, found):
        expected = [message_id for message_id, _ in self.kinds.values()]
        if found == expected:
            return
        for message_id in sorted(set(found) | set(expected)):
            if found.count(message_id) != expected.count(message_id):
                self.say(path, f"{message_id} is there {found.count(message_id)} times, in {TABLE} "
                         f"{expected.count(message_id)}")
        if sorted(found) == sorted(expected):
            self.say(path, f"is in another order than {TABLE}")

    def check_entry(self, message_id, entry):
        head, _, body = entry.partition("\n\n")
        names = [line.partition(": ")[0] for line in head.split("\n")]
        if names != HEADER or "\nDefined-By: bearerd\n" not in head:
            self.say(CATALOG, f"{message_id}: its head must be {', '.join(HEADER)}")
        if not re.search(r"^    \w", body, re.M):
            self.say(CATALOG, f"{message_id}: no command to type")
        for field in re.findall(r"@(\w+)@", entry):
            if not any(f'"{field}"' in text for text in self.sources.values()):
                self.say(CATALOG, f"{message_id}: no message has {field}")

    def check_catalog(self):
        text = re.sub(r"^#.*\n", "", self.text(CATALOG), flags=re.M)
        before, *entries = re.split(r"^-- (.*)\n", text, flags=re.M)
        if before.strip():
            self.say(CATALOG, "there is something before the first entry")
        self.check_ids(CATALOG, entries[::2])
        for message_id, entry in zip(entries[::2], entries[1::2]):
            self.check_entry(message_id, entry)

    def check_guide(self):
        rows = [[cell.strip() for cell in line.split("|")[1:-1]]
                for line in self.text(GUIDE).split("\n")
                if re.match(r"\|[^|]*\| `[0-9a-f]{32}` \|", line)]
        self.check_ids(GUIDE, [row[1].strip("`") for row in rows])
        expected = {message_id: (name.lower().replace("_", " "), priority)
                    for name, (message_id, priority) in self.kinds.items()}
        for row in rows:
            if expected.get(row[1].strip("`"), (row[0], row[2])) != (row[0], row[2]):
                self.say(GUIDE, f"{row[1]} is {' of '.join(expected[row[1].strip('`')])}")
            if len(row) != 6 or not all(row[4:]):
                self.say(GUIDE, f"{row[1]}: a cell is empty or missing")
            for field in re.findall(r"`(\w+)`", row[3]):
                if not any(f'"{field}"' in text for text in self.sources.values()):
                    self.say(GUIDE, f"{row[1]}: no message has {field}")

    def check(self):
        self.check_table()
        self.check_calls()
        self.check_catalog()
        self.check_guide()


def main():
    messages = Messages(sys.argv[1])
    messages.check()
    for mistake in messages.mistakes:
        print(mistake)
    return 1 if messages.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
