/* SPDX-License-Identifier: MIT */
/* The core broker, driven by bytes as a list of events: a letter, and as many bytes as it takes,
 * each a number ('0' is 0, '1' is 1, 'A' is 17). A byte that is no event is skipped.
 *
 *      t UNIT N    time passes                d            until something is due, which is done
 *      x           the timer fires, late      e            effects are carried out
 *      p SLOT WHAT N   the plan changes       c N          is configured; the Nth allocation fails
 *      r WORKER SLOT HOW AFTER VALID WAIT     k WORKER     asks; leaves
 *      h READER SLOT USER KNOWS                follows a token
 *      a READER    takes what it was told     l READER    follows no more
 *      g FETCH LIFE TOKEN SENT                f FETCH KIND RETRY     has ended, well or not
 *      b N         an answer to nothing       n SLOT       an operator wants a new one
 *      m           fetches cannot be started, or can again
 *      S LATER N   restart by what was kept; the Nth allocation fails
 *      B           restart without it
 *
 * Beyond not crashing: every request is answered once and in time; what broker_books.h and
 * broker_readers.h hold; what is kept for a later life is what it should be, whenever nothing was
 * said to have changed; without memory, a configuration changes nothing; time alone never turns in
 * a circle. */
#include <errno.h>
#include <inttypes.h>

#include "broker_books.h"
#include "broker_readers.h"
#include "fuzz.h"
#include "wire/store.h"

#define START           (1000 * NSEC_PER_SEC)
#define WORKERS         8
#define EVENTS          512 /* of one input */
#define TEXT_MAX        (SLOTS * (size_t)2048)

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

struct worker {
        struct request request;
        struct peer peer;
        bool waits;
        int slot; /* that it asked for */
        unsigned user;
        uint64_t deadline;
};

struct world {
        struct slice events;
        uint64_t now;
        uint64_t chance;
        struct broker broker;
        struct books books;
        struct plan plans[SLOTS];
        int default_slot;
        struct worker workers[WORKERS];
        struct reader readers[READERS];
        struct buffer kept; /* for a later life */
        bool cannot_start;
        unsigned n_granted;
};

/* ---- memory that runs out ---- */

static unsigned allocation_to_fail;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static bool must_fail(void) {
        return allocation_to_fail > 0 && --allocation_to_fail == 0;
}

void *__wrap_calloc(size_t n, size_t size) {
        return must_fail() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *text) {
        return must_fail() ? NULL : __real_strdup(text);
}

/* ---- bytes ---- */

/* From 0 to N - 1. */
static unsigned take(struct world *world, unsigned n) {
        unsigned char byte;

        if (world->events.size == 0)
                return 0;
        byte = (unsigned char)world->events.data[0];
        world->events = behind(world->events, 1);
        return (unsigned char)(byte - '0') % n;
}

static uint64_t chance(struct world *world) {
        return world->chance = world->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
}

/* ---- effects ---- */

static void replied(struct world *world, struct worker *worker) {
        books_replied(&world->books, &worker->request, worker->slot, worker->user, worker->deadline,
                      world->now);
}

/* What was said to be unchanged is. */
static void keep(struct world *world) {
        struct buffer text = BUFFER_INIT(TEXT_MAX);

        store_render(&text, &world->broker);
        HOLDS(buffer_error(&text) == 0, "there is room");
        if (!broker_take_change(&world->broker))
                HOLDS(is_same(buffer_slice(&text), buffer_slice(&world->kept)),
                      "a change of what is kept is told");
        buffer_deinit(&world->kept);
        world->kept = text;
}

static void end(struct world *world, uint64_t attempt, struct outcome *outcome) {
        struct books_before before;
        const struct broker_token *token;

        books_before_end(&world->books, &world->broker, attempt, outcome, &before);
        token = broker_ended(&world->broker, attempt, outcome, chance(world), world->now);
        books_ended(&world->books, attempt, &before, token, world->now);
        outcome_deinit(outcome);
        keep(world);
}

static void start(struct world *world, const struct effect *effect) {
        struct outcome outcome = {.kind = OUTCOME_MISCONFIGURED, .message = "cannot start"};

        books_started(&world->books, effect, world->now);
        if (world->cannot_start)
                end(world, effect->attempt, &outcome);
}

static void reply(struct world *world, struct request *request) {
        struct worker *worker = CONTAINER_OF(request, struct worker, request);

        HOLDS(worker->waits, "a request is answered once");
        worker->waits = false;
        replied(world, worker);
}

static void check(struct world *world) {
        unsigned n = 0;

        for (size_t i = 0; i < WORKERS; i++) {
                n += world->workers[i].waits;
                HOLDS(world->workers[i].waits == waiter_waits(&world->workers[i].request.waiter),
                      "who waits is known to wait");
        }
        HOLDS(world->broker.waiters.n == n, "waiters are counted");
        for (size_t i = 0; i < world->broker.n_tokens; i++) {
                uint64_t n_waiting = 0;

                LIST_FOREACH(link, &world->broker.tokens[i]->waiting)
                        n_waiting++;
                HOLDS(world->broker.tokens[i]->n_waiting == n_waiting,
                      "waiters of a token are counted");
        }
        books_check(&world->books, &world->broker);
        readers_check(world->readers, &world->books, &world->broker, world->now);
}

static void carry_out(struct world *world) {
        keep(world);
        for (;;) {
                struct effect effect = broker_next_effect(&world->broker);

                switch (effect.kind) {
                case EFFECT_NONE:
                        keep(world);
                        check(world);
                        return;
                case EFFECT_FETCH:
                        start(world, &effect);
                        break;
                case EFFECT_ABANDON:
                        books_abandoned(&world->books, &effect);
                        break;
                case EFFECT_EXPIRED:
                        books_expired(&world->books, &effect, world->now);
                        break;
                case EFFECT_REPLY:
                        reply(world, effect.request);
                        break;
                case EFFECT_NEWS:
                        reader_told(&world->books, &effect, world->now);
                        break;
                }
        }
}

/* ---- time ---- */

static void tick(struct world *world) {
        carry_out(world);
        if (broker_deadline(&world->broker) > world->now)
                return;
        broker_expired(&world->broker, chance(world), world->now);
        books_ticked(&world->books, world->now);
        carry_out(world);
        for (size_t i = 0; i < WORKERS; i++)
                HOLDS(!world->workers[i].waits || world->workers[i].deadline > world->now,
                      "a request is answered in time");
        HOLDS(world->cannot_start || broker_deadline(&world->broker) > world->now,
              "what was due is done");
}

static void pass(struct world *world) {
        static const uint64_t units[] = {1,
                                         NSEC_PER_MSEC,
                                         100 * NSEC_PER_MSEC,
                                         NSEC_PER_SEC,
                                         10 * NSEC_PER_SEC,
                                         NSEC_PER_MIN,
                                         60 * NSEC_PER_MIN};

        carry_out(world);
        world->now += units[take(world, ELEMENTS(units))] * take(world, 64);
}

static void pass_until_due(struct world *world) {
        uint64_t deadline;

        carry_out(world);
        deadline = broker_deadline(&world->broker);
        if (deadline == NEVER)
                return;
        world->now = time_max(world->now, deadline);
        tick(world);
}

/* ---- operators ---- */

static void change_plan(struct world *world) {
        static const uint64_t spans[] = {100 * NSEC_PER_MSEC, NSEC_PER_SEC, 30 * NSEC_PER_SEC,
                                         NSEC_PER_MIN, 60 * NSEC_PER_MIN};
        unsigned slot = take(world, SLOTS), what = take(world, 13), n = take(world, 64);
        struct plan *plan = &world->plans[slot];
        uint64_t span = spans[n % ELEMENTS(spans)];

        switch (what) {
        case 0:
                plan->is_there = n % 2 == 0;
                break;
        case 1:
                plan->version = n;
                break;
        case 2:
                plan->account = n % ACCOUNTS;
                break;
        case 3:
                plan->users = n % (1U << USERS);
                break;
        case 4:
                world->default_slot = n % 2 == 0 ? (int)slot : -1;
                break;
        case 5:
                plan->terms.requests_per_minute = 1 + n;
                break;
        case 6:
                plan->terms.floor = n == 0 ? 0 : span;
                break;
        case 7:
                plan->terms.refresh_ahead = span;
                break;
        case 8:
                plan->terms.min_renewal_interval = span;
                break;
        case 9:
                plan->terms.renewal_pause = plan->terms.renewal_pause_max = span;
                break;
        case 10:
                plan->terms.retry_min = plan->terms.retry_max = span;
                break;
        case 11: /* all of them: more than may be in flight */
                for (slot = 0; slot < SLOTS; slot++) {
                        world->plans[slot].is_there = slot <= n;
                        world->plans[slot].account = slot % ACCOUNTS;
                }
                break;
        case 12:
                for (slot = 0; slot < SLOTS; slot++)
                        world->plans[slot].terms.requests_per_minute = 1 + n;
                break;
        }
}

/* Which is what policies borrow. */
static uid_t users_of[1U << USERS][USERS];

static struct policy policy_of(unsigned users) {
        struct policy policy = {.users = users_of[users]};

        for (unsigned user = 0; user < USERS; user++)
                if (users & 1U << user)
                        users_of[users][policy.n_users++] = user;
        return policy;
}

static size_t specs_of(const struct world *world, char (*names)[64], struct broker_spec *specs) {
        size_t n = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &world->plans[slot];

                if (!plan->is_there)
                        continue;
                snprintf(names[slot], 16, "t%u", slot);
                snprintf(names[slot] + 16, 32, "identity %u", plan->version);
                snprintf(names[slot] + 48, 16, "k%u", plan->account);
                specs[n++] = (struct broker_spec){.name = names[slot],
                                                  .identity = names[slot] + 16,
                                                  .account = names[slot] + 48,
                                                  .is_default = (int)slot == world->default_slot,
                                                  .terms = plan->terms,
                                                  .policy = policy_of(plan->users)};
        }
        return n;
}

static void configure(struct world *world, unsigned to_fail) {
        struct broker_spec specs[SLOTS];
        char names[SLOTS][64];
        size_t n = specs_of(world, names, specs);
        int r;

        carry_out(world);
        if (n == 0)
                return; /* a configuration has a token */
        allocation_to_fail = to_fail;
        r = broker_configure(&world->broker, specs, n, world->now);
        allocation_to_fail = 0;
        HOLDS(r == 0 || (r == -ENOMEM && to_fail > 0), "it is done, or there is no memory");
        if (r < 0)
                check(world);
        else
                books_configured(&world->books, world->plans, world->default_slot, world->now);
        keep(world);
}

/* False: there is no memory, and the broker knows nothing. */
static bool recall(struct world *world, unsigned to_fail) {
        int r;

        allocation_to_fail = to_fail;
        r = store_parse(buffer_slice(&world->kept), &world->broker, world->now);
        allocation_to_fail = 0;
        HOLDS(r == 0 || (r == -ENOMEM && to_fail > 0),
              "what one life keeps, the next one believes");
        if (r == 0)
                return true;
        broker_deinit(&world->broker);
        broker_init(&world->broker);
        return false;
}

/* Connections end, and so do fetches; then, by what was kept, the next life begins. */
static void restart(struct world *world, bool is_blank, unsigned later, unsigned to_fail) {
        carry_out(world);
        for (size_t i = 0; i < WORKERS; i++) {
                broker_cancel(&world->broker, &world->workers[i].request);
                world->workers[i].waits = false;
        }
        for (size_t i = 0; i < READERS; i++)
                reader_leave(&world->readers[i], &world->broker);
        for (size_t i = 0; i < FETCHES; i++)
                if (world->books.fetches[i].is_current) {
                        struct fetch *fetch = &world->books.fetches[i];
                        unsigned account = world->books.ledgers[fetch->slot].plan.account;

                        HOLDS(world->books.n_sent[account] < SENT_MAX, "there is room");
                        world->books.sent[account][world->books.n_sent[account]++] = world->now;
                }
        broker_deinit(&world->broker);
        broker_init(&world->broker);
        world->now += NSEC_PER_SEC + later * NSEC_PER_SEC;
        if (!is_blank)
                is_blank = !recall(world, to_fail);
        books_restarted(&world->books, is_blank);
        for (unsigned slot = 0; slot < SLOTS; slot++)
                if (world->now >= world->books.ledgers[slot].floor_at)
                        world->books.ledgers[slot].has_token = false;
        buffer_clear(&world->kept);
        store_render(&world->kept, &world->broker);
        (void)broker_take_change(&world->broker);
}

/* ---- workers ---- */

static void ask(struct world *world) {
        static const uint64_t valid[] = {0, 1, 30, 60, 300, 3600, 9999999999};
        struct worker *worker = &world->workers[take(world, WORKERS)];
        unsigned slot = take(world, SLOTS + 2), how = take(world, 2 * USERS);
        unsigned after = take(world, 5), min_valid = take(world, ELEMENTS(valid));
        unsigned wait = take(world, WAITERS_WAIT_MAX + 1);
        struct want want = {.min_valid = time_min(valid[min_valid], UINT32_MAX) * NSEC_PER_SEC};
        char name[8] = "x";
        uint64_t generation = slot < SLOTS ? world->books.ledgers[slot].last_generation : 1;

        if (worker->waits)
                return;
        want.after = after == 0   ? 0
                     : after == 1 ? generation
                     : after == 2 ? generation - (generation > 0)
                     : after == 3 ? generation + 1
                                  : UINT64_MAX;
        worker->user = how % USERS;
        worker->peer = (struct peer){.uid = worker->user};
        worker->deadline = time_add(world->now, wait * NSEC_PER_SEC);
        if (slot == SLOTS)
                name[0] = 0; /* the default one */
        else if (slot < SLOTS)
                snprintf(name, sizeof name, "t%u", slot);
        worker->slot = books_slot_asked(&world->books, name, how >= USERS);
        if (broker_request(&world->broker, &worker->request, name, how >= USERS, &want, wait,
                           &worker->peer, world->now) == REPLY_WAIT)
                worker->waits = true;
        else
                replied(world, worker);
}

static void follow(struct world *world) {
        struct reader *reader = &world->readers[take(world, READERS)];
        unsigned slot = take(world, SLOTS + 1), user = take(world, USERS), knows = take(world, 4);
        uint64_t generation = slot < SLOTS ? world->books.ledgers[slot].last_generation : 1;
        char name[8] = "";

        if (slot < SLOTS)
                snprintf(name, sizeof name, "t%u", slot);
        reader_come(reader, &world->books, &world->broker, name, user,
                    knows == 0   ? 0
                    : knows == 1 ? generation
                    : knows == 2 ? generation - (generation > 0)
                                 : UINT64_MAX,
                    world->now);
}

static void leave(struct world *world) {
        struct worker *worker = &world->workers[take(world, WORKERS)];

        broker_cancel(&world->broker, &worker->request);
        worker->waits = false;
}

/* ---- endpoints ---- */

/* One that was told to start, whether it is still in flight or not. */
static uint64_t take_attempt(struct world *world) {
        unsigned n = take(world, FETCHES);

        for (unsigned i = 0; i < FETCHES; i++) {
                const struct fetch *fetch =
                        &world->books.fetches[(FETCHES - 1 - n + FETCHES - i) % FETCHES];

                if (fetch->attempt > 0)
                        return fetch->attempt;
        }
        return 0;
}

static void grant(struct world *world) {
        static const uint64_t lives[] = {3600, 1, 2, 10, 60, 120, 86400, OUTCOME_EXPIRES_IN_MAX};
        struct outcome outcome = {.kind = OUTCOME_GRANTED, .sent = true, .status = 200};
        uint64_t attempt = take_attempt(world);
        unsigned token, sent;
        char text[32];

        outcome.expires_in = lives[take(world, ELEMENTS(lives))];
        token = take(world, 4);
        sent = take(world, 4);
        /* 0: a new one; else one of three that come again and again. */
        if (token == 0)
                token = 4 + world->n_granted++;
        snprintf(text, sizeof text, "token%u", token);
        outcome.sent_at = sent == 0   ? world->now
                          : sent == 1 ? 0
                          : sent == 2 ? NEVER
                                      : world->now - 10 * NSEC_PER_SEC;
        HOLDS(secret_set(&outcome.access_token, text, strlen(text)) == 0, "there is memory");
        end(world, attempt, &outcome);
}

static void fail(struct world *world) {
        static const uint64_t patience[] = {0, 1, 60, 3600, 3601, 86400};
        uint64_t attempt = take_attempt(world);
        unsigned kind = take(world, 5);
        struct outcome outcome = {.kind = OUTCOME_FAILED, .sent = kind != 1, .status = 503};

        if (kind == 2 || kind == 3) {
                outcome.kind = OUTCOME_DENIED;
                outcome.status = 401;
        } else if (kind == 4) {
                outcome = (struct outcome){.kind = OUTCOME_MISCONFIGURED};
        }
        outcome.retry_after = patience[take(world, ELEMENTS(patience))];
        end(world, attempt, &outcome);
}

static void answer_nothing(struct world *world) {
        struct outcome outcome = {.kind = OUTCOME_FAILED, .sent = true};
        uint64_t attempt = world->broker.last_attempt + take(world, 4);

        end(world, attempt == world->broker.last_attempt ? 0 : attempt, &outcome);
}

static void renew(struct world *world) {
        unsigned slot = take(world, SLOTS);

        for (size_t i = 0; i < world->broker.n_tokens; i++)
                if (world->books.is_configured && books_slot(world->broker.tokens[i]) == slot)
                        broker_refresh(&world->broker, world->broker.tokens[i], world->now);
}

/* ---- a run ---- */

static void happen(struct world *world, char event) {
        unsigned later;

        switch (event) {
        case 't':
                pass(world);
                break;
        case 'd':
                pass_until_due(world);
                break;
        case 'x':
                tick(world);
                break;
        case 'e':
                carry_out(world);
                break;
        case 'p':
                change_plan(world);
                break;
        case 'c':
                configure(world, take(world, 64));
                break;
        case 'r':
                ask(world);
                break;
        case 'k':
                leave(world);
                break;
        case 'h':
                follow(world);
                break;
        case 'a':
                reader_is_ready(&world->readers[take(world, READERS)], &world->broker, world->now);
                break;
        case 'l':
                reader_leave(&world->readers[take(world, READERS)], &world->broker);
                break;
        case 'g':
                grant(world);
                break;
        case 'f':
                fail(world);
                break;
        case 'b':
                answer_nothing(world);
                break;
        case 'n':
                renew(world);
                break;
        case 'm':
                world->cannot_start = !world->cannot_start;
                break;
        case 'S':
                later = take(world, 64);
                restart(world, false, later, take(world, 64));
                break;
        case 'B':
                restart(world, true, 0, 0);
                break;
        }
}

/* Whoever still waits is answered, as time passes and nothing else happens. */
static void end_well(struct world *world) {
        uint64_t latest = world->now + (WAITERS_WAIT_MAX + 1) * NSEC_PER_SEC;

        world->cannot_start = false;
        carry_out(world);
        while (world->broker.waiters.n > 0) {
                HOLDS(broker_deadline(&world->broker) <= latest, "every wait ends");
                pass_until_due(world);
        }
        carry_out(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct world world;

        world = (struct world){.events = input_of(data, size),
                               .now = START,
                               .default_slot = -1,
                               .kept = BUFFER_INIT(TEXT_MAX)};
        broker_init(&world.broker);
        world.books.default_slot = -1;
        for (unsigned slot = 0; slot < SLOTS; slot++)
                world.plans[slot] = (struct plan){.is_there = slot == 0, .terms = TERMS_DEFAULT};
        for (unsigned i = 0; i < EVENTS && world.events.size > 0; i++) {
                char event = world.events.data[0];

                world.events = behind(world.events, 1);
                happen(&world, event);
        }
        end_well(&world);
        for (size_t i = 0; i < READERS; i++)
                reader_leave(&world.readers[i], &world.broker);
        broker_deinit(&world.broker);
        buffer_deinit(&world.kept);
        return 0;
}
