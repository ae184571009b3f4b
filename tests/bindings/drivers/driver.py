# SPDX-License-Identifier: MIT
"""driver - the Python binding, told what to do: ../driver.py has the commands."""

import copy
import io
import json
import os
import pickle
import sys
import threading
import traceback

import bearer


class Driver:
    def __init__(self):
        self.tokens = None
        self.token = None

    def open(self, socket=None, max_age=bearer.MAX_AGE):
        self.tokens = bearer.Bearer(socket, max_age)
        return {}

    def get(self, name=None, timeout=None):
        self.token = self.tokens.get(name, timeout)
        return self.told()

    def renew(self, timeout=None):
        self.token = self.tokens.renew(self.token, timeout)
        return self.told()

    def told(self):
        token = self.token
        return {"value": token.value, "name": token.name, "generation": token.generation,
                "expires_at": token.expires_at, "scope": token.scope,
                "practice_id": token.practice_id}

    def together(self, n, what="get", timeout=None):
        """N threads do the same at the same time."""
        start, answers = threading.Barrier(n), [None] * n

        def one(i):
            start.wait()
            answers[i] = answer_to(lambda: getattr(Driver.sharing(self), what)(timeout=timeout))

        threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def sharing(self):
        driver = Driver()
        driver.tokens, driver.token = self.tokens, self.token
        return driver

    def beside(self, timeout):
        """A thread of short patience asks, and a moment later one of more: both answers."""
        answers = [None, None]

        def one(i, patience):
            answers[i] = answer_to(lambda: self.sharing().get(timeout=patience))

        threads = [threading.Thread(target=one, args=(i, timeout * factor))
                   for i, factor in enumerate((1, 10))]
        for thread in threads:
            thread.start()
            threading.Event().wait(timeout / 5)
        for thread in threads:
            thread.join()
        return answers

    def fork(self):
        """What a child of a fork gets, while a thread of ours is asking, and what we do."""
        asking = threading.Thread(target=lambda: answer_to(lambda: self.sharing().get("slow", 2)))
        asking.start()
        threading.Event().wait(0.2)
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, json.dumps(answer_to(self.get)).encode())
            os._exit(0)
        os.close(write)
        with open(read, encoding="ascii") as pipe:
            child = json.loads(pipe.read() or "{}")
        os.wait()
        answers = [child, answer_to(self.get)]
        asking.join()
        return answers

    def child(self):
        """What a child of a fork gets, and which sockets it has then. It goes on until it is killed."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            answer = {"got": answer_to(self.get), "sockets": sockets()}
            os.write(write, json.dumps(answer).encode())
            os.close(write)
            while True:
                threading.Event().wait()
        os.close(write)
        with open(read, encoding="ascii") as pipe:
            return {"pid": pid, "own": sockets(), **json.loads(pipe.read())}

    def idle_child(self):
        """A child that asks for nothing until it is killed."""
        pid = os.fork()
        while pid == 0:
            threading.Event().wait()
        return {"pid": pid}

    def close(self):
        self.tokens.close()
        return {}

    def shown(self):
        token = self.token
        texts = [repr(token), str(token), f"{token}", f"{[token]}", "%s %r" % (token, token)]
        for attempt in (json.dumps, pickle.dumps, copy.copy, copy.deepcopy, vars):
            try:
                texts.append(repr(attempt(token)))
            except TypeError as error:
                texts.append(str(error))
        try:
            raise ValueError(token)
        except ValueError:
            texts.append(traceback.format_exc())
        return texts

    def call(self, method, url, body=None, stream=False, file=False, timeout=None):
        """By the library requests; FILE: the body is a file that has been read up to there."""
        import requests     # takes longer than all else here

        def parts():
            yield body.encode()

        if file:
            body = io.BytesIO(b"read before" + body.encode())
            body.seek(len("read before"))
        with requests.Session() as session:
            session.auth = self.tokens.auth(timeout=timeout)
            response = session.request(method, url, data=parts() if stream else body, timeout=20)
            return {"status": response.status_code, "body": response.text}


def sockets():
    """The sockets that this process has open."""
    links = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:
            pass    # that of the listing
    return [link for link in links if link.startswith("socket:")]


def answer_to(do):
    try:
        return do()
    except (bearer.BearerError, ValueError) as error:
        return {"error": type(error).__name__, "text": str(error),
                "passing": getattr(error, "is_passing", None),
                "retry_after": getattr(error, "retry_after", None),
                "errno": getattr(error, "errno", None)}


def main():
    driver = Driver()
    for line in sys.stdin:
        what, arguments = json.loads(line)
        print(json.dumps(answer_to(lambda: getattr(driver, what)(**arguments))), flush=True)


if __name__ == "__main__":
    main()
