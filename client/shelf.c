/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/timespan.h"
#include "bearer.h"
#include "client/shelf.h"
#include "client/view.h"
#include "core/name.h"

/* A token that is kept. */
struct copy {
        uint64_t handle;
        char name[TOKEN_NAME_MAX + 1];
        bool is_default; /* asked for without a name */
        uint32_t slot;
        uint64_t epoch;
        uint64_t since, span; /* a wall_clock() time, and for how long from then on */
        struct view *view;
        struct bearer_token *token;
};

struct shelf {
        size_t n;
        size_t next; /* is replaced next, when it is full */
        struct copy copies[SHELF_ROOM];
};

/* Found without a call: the library cannot be unloaded (-z nodelete), and needs a few bytes of what
 * the loader has in reserve where it is loaded late. */
static _Thread_local struct shelf *shelf __attribute__((tls_model("initial-exec")));

static pthread_key_t ends; /* of threads */
static bool ends_are_told;

/* To a tick, in 5 ns, and it goes on in suspend, which no other coarse clock does. Somebody may set
 * it: bearerd calls in all that workers keep then. Where none lives, a step back prolongs what is
 * kept by no more than it has been kept already. */
static uint64_t wall_clock(void) {
        return clock_read(CLOCK_REALTIME_COARSE);
}

static bool is_asked_for(const struct copy *copy, uint64_t handle, const char *name) {
        if (copy->handle != handle || copy->is_default != !name)
                return false;
        return !name || strcmp(copy->name, name) == 0;
}

static bool is_good(const struct copy *copy, uint64_t now) {
        return view_shows(copy->view, copy->slot, copy->epoch) &&
               now - copy->since < copy->span; /* before SINCE, the clock was set back */
}

struct bearer_token *shelf_find(uint64_t handle, const char *name) {
        struct shelf *mine = shelf;

        if (!mine)
                return NULL;
        for (const struct copy *copy = mine->copies; copy < mine->copies + mine->n; copy++)
                if (is_asked_for(copy, handle, name))
                        return is_good(copy, wall_clock()) ? token_lend(copy->token) : NULL;
        return NULL;
}

/* ---- what is let go ---- */

static void copy_deinit(struct copy *copy) {
        token_let_go(copy->token);
        view_unref(copy->view);
        *copy = (struct copy){0};
}

static void take_off(size_t i) {
        copy_deinit(&shelf->copies[i]);
        shelf->copies[i] = shelf->copies[--shelf->n];
        shelf->copies[shelf->n] = (struct copy){0};
}

static void shelf_free(void *user) {
        while (shelf->n > 0)
                take_off(shelf->n - 1);
        free(shelf);
        shelf = NULL;
        if (ends_are_told)
                pthread_setspecific(ends, NULL);
}

void shelf_clear(uint64_t handle) {
        if (!shelf)
                return;
        for (size_t i = shelf->n; i-- > 0;)
                if (shelf->copies[i].handle == handle)
                        take_off(i);
        if (shelf->n == 0)
                shelf_free(shelf);
}

/* What is no longer good, and what is asked for by NAME, which another one is to take the place of.
 */
static void clear_for(uint64_t handle, const char *name, uint64_t now) {
        for (size_t i = shelf->n; i-- > 0;)
                if (is_asked_for(&shelf->copies[i], handle, name) ||
                    !is_good(&shelf->copies[i], now))
                        take_off(i);
}

/* ---- what is kept ---- */

static void tell_ends(void) {
        ends_are_told = pthread_key_create(&ends, shelf_free) == 0;
}

/* A thread whose end is not told of could never let go. */
static bool shelf_make(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        if (shelf)
                return true;
        pthread_once(&once, tell_ends);
        if (!ends_are_told)
                return false;
        shelf = calloc(1, sizeof *shelf);
        if (shelf && pthread_setspecific(ends, shelf) != 0) {
                free(shelf);
                shelf = NULL;
        }
        return shelf;
}

/* The one that another token of the handle goes by, or a new one: bearerd may publish in another
 * file than before. NULL: there is none that shows what was offered. */
static struct view *find_view(uint64_t handle, const struct token_offer *offer) {
        struct view *view;

        for (size_t i = 0; i < shelf->n; i++) {
                const struct copy *copy = &shelf->copies[i];

                if (copy->handle == handle && view_shows(copy->view, offer->slot, offer->epoch))
                        return view_ref(copy->view);
        }
        if (view_open(offer->epoch_file, &view) < 0)
                return NULL;
        return view_shows(view, offer->slot, offer->epoch) ? view : view_unref(view);
}

static struct copy *find_room(void) {
        struct copy *copy;

        if (shelf->n < SHELF_ROOM)
                return &shelf->copies[shelf->n++];
        copy = &shelf->copies[shelf->next++ % SHELF_ROOM];
        copy_deinit(copy);
        return copy;
}

void shelf_put(uint64_t handle, const char *name, struct bearer_token *token,
               const struct token_offer *offer, uint64_t asked_at) {
        uint64_t ends_at = time_add(asked_at, offer->served_for * NSEC_PER_SEC);
        uint64_t now = wall_clock(); /* before what is left: a suspend between them shortens it */
        uint64_t left = time_until(ends_at, clock_now());
        struct copy *copy;
        struct view *view;

        if (offer->epoch == 0 || !shelf_make())
                return;
        clear_for(handle, name, now);
        view = find_view(handle, offer);
        if (!view)
                return;
        token_keep(token);
        copy = find_room();
        *copy = (struct copy){
                .handle = handle,
                .is_default = !name,
                .slot = offer->slot,
                .epoch = offer->epoch,
                .since = now,
                .span = left,
                .view = view, /* consumed */
                .token = token,
        };
        strcpy(copy->name, bearer_token_name(token));
}
