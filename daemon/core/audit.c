/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "core/audit.h"

static const unsigned most[] = {
        [AUDIT_GIVEN] = AUDIT_GIVEN_MAX,
        [AUDIT_REFUSED] = AUDIT_REFUSED_MAX,
};

void audit_init(struct audit *audit, enum audit_mode mode) {
        audit->mode = mode;
        audit->last_number = 0;
        audit->n_forgotten = audit->n_peers = audit->n_had = audit->n_processes = 0;
        list_init(&audit->met);
        list_init(&audit->had_last);
        list_init(&audit->seen);
        list_init(&audit->owing);
        for (size_t i = 0; i < AUDIT_BUCKETS; i++) {
                list_init(&audit->peers[i]);
                list_init(&audit->had[i]);
                list_init(&audit->processes[i]);
        }
}

static struct list *bucket(struct list *buckets, uint64_t number, const char *text) {
        return &buckets[hash_bucket(hash_text(HASH_INIT ^ number, text), AUDIT_BUCKETS)];
}

/* LINK is the one that was used last. */
static void use(struct list *by_use, struct list *link) {
        list_remove(link);
        list_append(by_use, link);
}

/* ---- records that are left out ---- */

static struct audit_left_out left_out_of(const struct audit_rate *rate) {
        struct audit_left_out left_out = {
                .kind = rate->kind,
                .uid = rate->peer->uid,
                .is_unit = rate->peer->is_unit,
                .n = rate->left_out,
        };

        strcpy(left_out.unit, rate->peer->unit);
        return left_out;
}

/* Nothing is owed any more, and a new window may begin. */
static void settle(struct audit_rate *rate) {
        list_remove(&rate->owing);
        rate->left_out = 0;
        rate->n = 0;
        rate->ends = 0;
}

/* A window that owes a count lasts until that is told. */
static bool has_room(const struct audit_rate *rate, uint64_t now) {
        return rate->left_out == 0 && (rate->ends <= now || rate->n < most[rate->kind]);
}

/* Windows that owe are equally long from when they began to: so they end in that order. */
static enum audit_verdict count(struct audit *audit, struct audit_rate *rate, uint64_t now) {
        if (!has_room(rate, now)) {
                if (rate->left_out++ == 0) {
                        rate->ends = time_add(now, AUDIT_WINDOW);
                        list_append(&audit->owing, &rate->owing);
                }
                return AUDIT_LEFT_OUT;
        }
        if (rate->ends <= now) {
                rate->ends = time_add(now, AUDIT_WINDOW);
                rate->n = 0;
        }
        rate->n++;
        return AUDIT_TELL;
}

uint64_t audit_deadline(const struct audit *audit) {
        struct list *link = list_first(&audit->owing);

        if (audit->n_forgotten > 0)
                return 0;
        return link ? CONTAINER_OF(link, struct audit_rate, owing)->ends : NEVER;
}

bool audit_take_left_out(struct audit *audit, uint64_t now, struct audit_left_out *ret_left_out) {
        struct list *link = list_first(&audit->owing);
        struct audit_rate *rate;

        if (audit->n_forgotten > 0) {
                *ret_left_out = audit->forgotten[--audit->n_forgotten];
                return true;
        }
        if (!link)
                return false;
        rate = CONTAINER_OF(link, struct audit_rate, owing);
        if (rate->ends > now)
                return false;
        *ret_left_out = left_out_of(rate);
        settle(rate);
        return true;
}

/* ---- peers ---- */

static void peer_forget(struct audit *audit, struct audit_peer *peer) {
        assert(audit->n_forgotten == 0);
        for (int kind = 0; kind < N_AUDIT_KINDS; kind++) {
                struct audit_rate *rate = &peer->rates[kind];

                if (rate->left_out == 0)
                        continue;
                audit->forgotten[audit->n_forgotten++] = left_out_of(rate);
                settle(rate);
        }
        list_remove(&peer->by_name);
        list_remove(&peer->by_use);
}

static struct audit_peer *peer_make_room(struct audit *audit) {
        struct audit_peer *peer;

        if (audit->n_peers < AUDIT_PEERS_MAX)
                return &audit->all_peers[audit->n_peers++];
        peer = CONTAINER_OF(list_first(&audit->met), struct audit_peer, by_use);
        peer_forget(audit, peer);
        return peer;
}

static struct audit_peer *peer_add(struct audit *audit, const struct peer *key, const char *unit,
                                   struct list *among) {
        struct audit_peer *peer = peer_make_room(audit);

        *peer = (struct audit_peer){
                .number = ++audit->last_number,
                .uid = key->uid,
                .is_unit = key->is_unit,
        };
        memcpy(peer->unit, unit, strnlen(unit, UNIT_NAME_MAX));
        for (int kind = 0; kind < N_AUDIT_KINDS; kind++)
                peer->rates[kind] = (struct audit_rate){.peer = peer, .kind = kind};
        list_append(among, &peer->by_name);
        return peer;
}

/* The one that is KEY, met before or not. */
static struct audit_peer *meet(struct audit *audit, const struct peer *key) {
        const char *unit = key->unit ? key->unit : "";
        struct list *among = bucket(audit->peers, (uint64_t)key->uid << 1 | key->is_unit, unit);
        struct audit_peer *found = NULL;

        LIST_FOREACH(link, among) {
                struct audit_peer *peer = CONTAINER_OF(link, struct audit_peer, by_name);

                if (peer->uid == key->uid && peer->is_unit == key->is_unit &&
                    strncmp(peer->unit, unit, UNIT_NAME_MAX) == 0) {
                        found = peer;
                        break;
                }
        }
        if (!found)
                found = peer_add(audit, key, unit, among);
        use(&audit->met, &found->by_use);
        return found;
}

/* ---- processes ---- */

static struct audit_process *process_find(const struct list *among, uint64_t process, uid_t uid) {
        LIST_FOREACH(link, among) {
                struct audit_process *found = CONTAINER_OF(link, struct audit_process, by_name);

                if (found->process == process && found->uid == uid)
                        return found;
        }
        return NULL;
}

static struct audit_process *process_make_room(struct audit *audit) {
        struct audit_process *process;

        if (audit->n_processes < AUDIT_PROCESSES_MAX)
                return &audit->all_processes[audit->n_processes++];
        process = CONTAINER_OF(list_first(&audit->seen), struct audit_process, by_use);
        list_remove(&process->by_name);
        list_remove(&process->by_use);
        return process;
}

static void process_note(struct audit *audit, uint64_t process, struct audit_peer *peer) {
        struct list *among = bucket(audit->processes, process, "");
        struct audit_process *noted = process_find(among, process, peer->uid);

        if (!noted) {
                noted = process_make_room(audit);
                *noted = (struct audit_process){.process = process, .uid = peer->uid};
                list_append(among, &noted->by_name);
        }
        noted->peer = peer;
        noted->peer_number = peer->number;
        use(&audit->seen, &noted->by_use);
}

struct audit_peer *audit_find(struct audit *audit, uint64_t process, uid_t uid) {
        struct audit_process *found =
                process_find(bucket(audit->processes, process, ""), process, uid);

        if (!found || found->peer->number != found->peer_number)
                return NULL;
        use(&audit->seen, &found->by_use);
        use(&audit->met, &found->peer->by_use);
        return found->peer;
}

struct audit_peer *audit_meet(struct audit *audit, const struct peer *peer, uint64_t process) {
        struct audit_peer *met = meet(audit, peer);

        if (process > 0)
                process_note(audit, process, met);
        return met;
}

/* ---- what they have had ---- */

/* What was had by a peer that is forgotten is nobody's, and goes in its turn. */
static struct audit_had *had_make_room(struct audit *audit) {
        struct audit_had *had;

        if (audit->n_had < AUDIT_HAD_MAX)
                return &audit->all_had[audit->n_had++];
        had = CONTAINER_OF(list_first(&audit->had_last), struct audit_had, by_use);
        list_remove(&had->by_name);
        list_remove(&had->by_use);
        return had;
}

static struct audit_had *had_add(struct audit *audit, uint64_t peer, const char *token,
                                 struct list *among) {
        struct audit_had *had = had_make_room(audit);

        *had = (struct audit_had){.peer = peer};
        memcpy(had->token, token, strnlen(token, TOKEN_NAME_MAX));
        list_append(among, &had->by_name);
        return had;
}

/* What the peer of this number has had of TOKEN; of generation 0: nothing yet. */
static struct audit_had *recollect(struct audit *audit, uint64_t peer, const char *token) {
        struct list *among = bucket(audit->had, peer, token);
        struct audit_had *found = NULL;

        LIST_FOREACH(link, among) {
                struct audit_had *had = CONTAINER_OF(link, struct audit_had, by_name);

                if (had->peer == peer && strcmp(had->token, token) == 0) {
                        found = had;
                        break;
                }
        }
        if (!found)
                found = had_add(audit, peer, token, among);
        use(&audit->had_last, &found->by_use);
        return found;
}

/* What was left out is counted once, and told after all if it is asked for when there is room. */
static enum audit_verdict given_first(struct audit *audit, struct audit_rate *rate,
                                      struct audit_had *had, uint64_t generation, uint64_t now) {
        enum audit_verdict verdict;

        if (had->generation == generation) {
                if (had->is_told)
                        return AUDIT_KNOWN;
                if (!has_room(rate, now))
                        return AUDIT_LEFT_OUT;
        }
        verdict = count(audit, rate, now);
        had->generation = generation;
        had->is_told = verdict == AUDIT_TELL;
        return verdict;
}

enum audit_verdict audit_given(struct audit *audit, struct audit_peer *peer, const char *token,
                               uint64_t generation, uint64_t now) {
        struct audit_rate *rate = &peer->rates[AUDIT_GIVEN];

        switch (audit->mode) {
        case AUDIT_NONE:
                break;
        case AUDIT_FIRST:
                return given_first(audit, rate, recollect(audit, peer->number, token), generation,
                                   now);
        case AUDIT_ALL:
                return count(audit, rate, now);
        }
        return AUDIT_KNOWN;
}

enum audit_verdict audit_refused(struct audit *audit, struct audit_peer *peer, uint64_t now) {
        if (audit->mode == AUDIT_NONE)
                return AUDIT_KNOWN;
        return count(audit, &peer->rates[AUDIT_REFUSED], now);
}
