/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "base/cleanup.h"
#include "io/loop.h"
#include "wire/config.h"
#include "wire/events.h"

/* Where nothing is known, this is when to ask again. */
#define RETRY_AFTER_UNKNOWN (20 * NSEC_PER_SEC)
/* Operators mend a configuration in minutes, and workers notice that in seconds. */
#define RETRY_AFTER_UNCONFIGURED (5 * NSEC_PER_SEC)

/* In seconds, and the same ones whenever it is asked: a token expires at one time. */
static uint64_t unix_at(uint64_t then, uint64_t now) {
        return (clock_unix() + time_until(then, now)) / NSEC_PER_SEC;
}

static const char *practice_id(const struct broker_token *token) {
        return ((const struct config_token *)token->user)->practice_id;
}

/* What it says is so until a second less is left, of either span. */
static void write_token(struct rendering *rendering, const struct broker_token *token,
                        const struct answer_epochs *epochs, enum api_format format,
                        enum http1_keep_alive keep_alive, uint64_t now) {
        const struct lease *lease = &token->lease;
        struct api_token answer = {
                .name = token->name,
                .access_token = secret_slice(&lease->access_token),
                .expires_in = time_until(lease->expires_at, now) / NSEC_PER_SEC,
                .expires_at = unix_at(lease->expires_at, now),
                .served_for = time_until(lease->floor_at, now) / NSEC_PER_SEC,
                .generation = lease->generation,
                .scope = lease->scope,
                .practice_id = practice_id(token),
                .epoch_file = epochs->file,
                .epoch_slot = token->slot,
                .epoch = epochs_at(epochs->epochs, token->slot),
        };

        if (rendering->bytes.limit == 0)
                rendering->bytes = BUFFER_INIT(API_ANSWER_MAX);
        buffer_clear(&rendering->bytes);
        api_token_render(&rendering->bytes, &answer, format, keep_alive);
        rendering->good_until = 0;
        if (buffer_error(&rendering->bytes) == 0)
                rendering->good_until =
                        time_min(lease->expires_at - answer.expires_in * NSEC_PER_SEC,
                                 lease->floor_at - answer.served_for * NSEC_PER_SEC) +
                        1;
}

static const struct buffer *answer_token(struct broker_token *token,
                                         const struct answer_epochs *epochs, enum api_format format,
                                         enum http1_keep_alive keep_alive, uint64_t now) {
        struct rendering *rendering =
                &token->lease.renderings[format * N_HTTP1_KEEP_ALIVE + keep_alive];

        static_assert(N_API_FORMATS * N_HTTP1_KEEP_ALIVE == LEASE_RENDERINGS,
                      "each form of an answer has its place");
        if (!rendering_is_good(rendering, now))
                write_token(rendering, token, epochs, format, keep_alive, now);
        return &rendering->bytes;
}

/* ---- refusals ---- */

static const char *why_paused(enum hindrance hindrance) {
        switch (hindrance) {
        case HINDRANCE_FRESH:
                return "the token is fresh: if an API call refuses it, look at permissions, at the "
                       "practice and at the request, not at the token";
        case HINDRANCE_BACKOFF:
                return "the token endpoint is failing; the token there is stays good until it "
                       "expires";
        case HINDRANCE_DENIED:
                return "the token endpoint refuses to renew the token; operators have been told";
        case HINDRANCE_MISCONFIGURED:
                return "bearerd cannot read its configuration or credentials; operators have been "
                       "told";
        case HINDRANCE_BUDGET:
                return "the budget of requests to the token endpoint is used up for now";
        case HINDRANCE_NONE:
                break;
        }
        return "no renewal is possible for now";
}

static const char *describe(const struct reply *reply) {
        switch (reply->kind) {
        case REPLY_UNCONFIGURED:
                return "the configuration of bearerd is wrong, so that it has no tokens; operators "
                       "have been told";
        case REPLY_AMBIGUOUS:
                return "there is no default token: name one, as in /v1/tokens/NAME";
        case REPLY_FORBIDDEN:
                return "this process may not have this token, or there is none of this name";
        case REPLY_UNKNOWN:
                return "there is no token of this name: GET /v1/tokens lists them";
        case REPLY_PAUSED:
                return why_paused(reply->hindrance);
        case REPLY_CROWDED:
                return "too many requests of this user wait for a token already";
        case REPLY_DENIED:
                return "the token endpoint refuses the credentials or the scope; operators have "
                       "been told";
        case REPLY_UNAVAILABLE:
                return "there is no token to hand out: the last request for one failed, and it is "
                       "being tried again";
        case REPLY_TIMEOUT:
                return "the token did not come within the time to wait";
        case REPLY_WAIT:
        case REPLY_TOKEN:
                break;
        }
        assert(!"no refusal");
        return "";
}

static const struct {
        int status;
        const char *error;
} refusals[] = {
        [REPLY_UNCONFIGURED] = {503, "temporarily_unavailable"},
        [REPLY_AMBIGUOUS] = {400, "invalid_request"},
        [REPLY_FORBIDDEN] = {403, "access_denied"},
        [REPLY_UNKNOWN] = {404, "unknown_token"},
        [REPLY_PAUSED] = {429, "slow_down"},
        [REPLY_CROWDED] = {429, "too_many_requests"},
        [REPLY_DENIED] = {502, "upstream_denied"},
        [REPLY_UNAVAILABLE] = {503, "temporarily_unavailable"},
        [REPLY_TIMEOUT] = {504, "timeout"},
};

const char *answer_error(enum reply_kind kind) {
        return refusals[kind].error;
}

/* At least a second: 0 would mean "no such header". */
static uint64_t retry_after(const struct reply *reply, uint64_t now) {
        uint64_t span = RETRY_AFTER_UNKNOWN;

        if (reply->kind == REPLY_UNCONFIGURED)
                return time_seconds_up(RETRY_AFTER_UNCONFIGURED);
        if (reply->kind != REPLY_PAUSED && reply->kind != REPLY_CROWDED &&
            reply->kind != REPLY_UNAVAILABLE)
                return 0;
        if (reply->next != NEVER)
                span = time_until(reply->next, now);
        return time_max(time_seconds_up(span), 1);
}

static void answer_refusal(struct buffer *out, const struct reply *reply,
                           enum http1_keep_alive keep_alive, uint64_t now) {
        struct api_error error = {
                .status = refusals[reply->kind].status,
                .error = refusals[reply->kind].error,
                .retry_after = retry_after(reply, now),
        };

        snprintf(error.description, sizeof error.description, "%s", describe(reply));
        if (reply->token && reply->token->lease.is_failing &&
            (reply->kind == REPLY_DENIED || reply->kind == REPLY_UNAVAILABLE)) {
                error.upstream_status = reply->token->lease.failure.status;
                error.upstream_error = reply->token->lease.failure.error;
        }
        api_error_render(out, &error, keep_alive);
}

const struct buffer *answer_reply(struct buffer *out, const struct reply *reply,
                                  const struct answer_epochs *epochs, enum api_format format,
                                  enum http1_keep_alive keep_alive, uint64_t now) {
        assert(reply->kind != REPLY_WAIT);
        if (reply->kind == REPLY_TOKEN)
                return answer_token(reply->token, epochs, format, keep_alive, now);
        answer_refusal(out, reply, keep_alive, now);
        return out;
}

/* ---- events ---- */

void answer_news(struct buffer *out, const struct broker_token *token, enum news news,
                 uint64_t now) {
        const struct lease *lease = &token->lease;
        struct token_event event = {
                .name = token->name,
                .generation = lease->generation,
                .expires_at = unix_at(lease->expires_at, now),
                .expires_in = time_until(lease->expires_at, now) / NSEC_PER_SEC,
        };

        assert(news == NEWS_TOKEN || news == NEWS_GONE);
        if (news == NEWS_TOKEN)
                event_token_render(out, &event);
        else
                event_gone_render(out, &event);
}

/* ---- the list ---- */

static const char *failure_name(const struct lease *lease) {
        if (!lease->is_failing)
                return "";
        switch (lease->failure.kind) {
        case OUTCOME_DENIED:
                return "denied";
        case OUTCOME_MISCONFIGURED:
                return "misconfigured";
        case OUTCOME_FAILED:
        case OUTCOME_GRANTED:
                break;
        }
        return "failed";
}

struct api_token_status answer_token_status(const struct broker *broker,
                                            const struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;
        bool valid = lease_is_usable(lease, now);
        uint64_t next = broker_next_attempt(broker, token, now);

        return (struct api_token_status){
                .name = token->name,
                .is_default = token == broker->default_token,
                .valid = valid,
                .generation = lease->generation,
                .expires_in = valid ? time_until(lease->expires_at, now) / NSEC_PER_SEC : 0,
                .expires_at = valid ? unix_at(lease->expires_at, now) : 0,
                .served_for = valid ? time_until(lease->floor_at, now) / NSEC_PER_SEC : 0,
                .fetching = lease_in_flight(lease),
                .next_attempt = next == NEVER ? NEVER : time_seconds_up(time_until(next, now)),
                .scope = lease->scope,
                .practice_id = practice_id(token),
                .waiting = token->n_waiting,
                .streams = token->n_followers,
                .renewals = lease->renewals,
                .failures = lease->is_failing ? lease->failure.times : 0,
                .last_error = failure_name(lease),
                .last_error_age =
                        lease->is_failing ? time_until(now, lease->failure.at) / NSEC_PER_SEC : 0,
                .upstream_status = lease->failure.status,
                .upstream_error = lease->failure.error,
                .message = lease->failure.message,
                .lifetime = valid ? lease->life / NSEC_PER_SEC : 0,
        };
}

void answer_tokens(struct buffer *out, const struct broker *broker, const struct peer *peer,
                   enum http1_keep_alive keep_alive, uint64_t now) {
        _cleanup_free_ struct api_token_status *list = calloc(broker->n_tokens + 1, sizeof *list);
        size_t n = 0;

        if (!broker->is_configured) {
                answer_refusal(out, &(struct reply){.kind = REPLY_UNCONFIGURED}, keep_alive, now);
                return;
        }
        if (!list) {
                out->error = -ENOMEM;
                return;
        }
        for (size_t i = 0; i < broker->n_tokens; i++)
                if (policy_allows(&broker->tokens[i]->policy, peer))
                        list[n++] = answer_token_status(broker, broker->tokens[i], now);
        api_tokens_render(out, list, n, keep_alive);
}
