/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/followers.h"

void followers_init(struct followers *followers) {
        list_init(&followers->news);
        followers->n = 0;
}

/* ---- what is to be told ---- */

static enum news judge(const struct follower *follower, uint64_t now) {
        const struct lease *lease = &follower->token->lease;

        if (!lease_is_usable(lease, now))
                return follower->has_token ? NEWS_GONE : NEWS_NONE;
        if (follower->has_token && follower->generation == lease->generation)
                return NEWS_NONE;
        return NEWS_TOKEN;
}

/* It keeps its place among those who are to be told something. */
static void review(struct followers *followers, struct follower *follower, uint64_t now) {
        follower->news = judge(follower, now);
        if (follower->news == NEWS_NONE || !follower->is_ready)
                list_remove(&follower->by_news);
        else if (!list_is_linked(&follower->by_news))
                list_append(&followers->news, &follower->by_news);
}

void follower_is_ready(struct followers *followers, struct follower *follower, uint64_t now) {
        follower->is_ready = true;
        if (follower->token)
                review(followers, follower, now);
}

struct follower *followers_next(struct followers *followers, enum news *ret_news) {
        struct list *link = list_first(&followers->news);
        struct follower *follower;

        if (!link)
                return NULL;
        follower = CONTAINER_OF(link, struct follower, by_news);
        list_remove(link);
        *ret_news = follower->news;
        follower->is_ready = false;
        if (follower->token) {
                follower->has_token = follower->news == NEWS_TOKEN;
                if (follower->has_token)
                        follower->generation = follower->token->lease.generation;
        }
        follower->news = NEWS_NONE;
        return follower;
}

/* ---- who follows ---- */

bool followers_add(struct followers *followers, struct follower *follower,
                   struct broker_token *token, uint64_t generation, uint64_t now) {
        assert(!follower->token && !list_is_linked(&follower->by_news));
        if (!quota_take(follower->user, QUOTA_WAITING, 1))
                return false;
        if (generation > token->lease.generation)
                generation = 0;
        follower->generation = generation;
        follower->has_token = generation > 0;
        follower->token = token;
        list_append(&token->followers, &follower->by_token);
        token->n_followers++;
        followers->n++;
        follower_is_ready(followers, follower, now);
        return true;
}

/* Whatever it was to be told does not matter any more. */
static void leave(struct followers *followers, struct follower *follower) {
        list_remove(&follower->by_news);
        if (!follower->token)
                return;
        list_remove(&follower->by_token);
        follower->token->n_followers--;
        follower->token = NULL;
        followers->n--;
        quota_give(follower->user, QUOTA_WAITING, 1);
}

void followers_remove(struct followers *followers, struct follower *follower) {
        leave(followers, follower);
        follower->news = NEWS_NONE;
}

static void end(struct followers *followers, struct follower *follower) {
        leave(followers, follower);
        follower->news = NEWS_END;
        list_append(&followers->news, &follower->by_news);
}

void followers_review(struct followers *followers, struct broker_token *token, bool is_default,
                      uint64_t now) {
        LIST_FOREACH_SAFE(link, following, &token->followers) {
                struct follower *follower = CONTAINER_OF(link, struct follower, by_token);

                if (!policy_allows(&token->policy, follower->peer) ||
                    (follower->by_default && !is_default))
                        end(followers, follower);
                else
                        review(followers, follower, now);
        }
}

void followers_dismiss(struct followers *followers, struct broker_token *token) {
        struct list *link;

        while ((link = list_first(&token->followers)))
                end(followers, CONTAINER_OF(link, struct follower, by_token));
}

void followers_hand_over(struct broker_token *old, struct broker_token *token) {
        struct list *link;

        while ((link = list_first(&old->followers))) {
                list_remove(link);
                list_append(&token->followers, link);
                CONTAINER_OF(link, struct follower, by_token)->token = token;
        }
        token->n_followers = old->n_followers;
}
