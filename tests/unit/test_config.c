/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "core/outcome.h"
#include "wire/config.h"
#include "wire/config_keys.h"
#include "wire/preset.h"
#include "wire/value.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* What every token needs: three lines, without the section's name. */
#define NEEDED                                                                                     \
        "provider = athenahealth\n"                                                                \
        "client_id = credential:id\n"                                                              \
        "client_secret = credential:secret\n"

#define JWT_NEEDED                                                                                 \
        "provider = athenahealth\n"                                                                \
        "client_id = credential:id\n"                                                              \
        "client_auth = private_key_jwt\n"                                                          \
        "signing_algorithm = ES256\n"                                                              \
        "private_key = credential:key\n"

/* ---- what is right ---- */

static struct config *parse_warned(struct slice text, const char *warning) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;

        if (config_parse(text, "FILE", &messages, &config) != 0)
                fail_msg("%s", messages.n > 0 ? messages.list[0].text : "refused");
        assert_int_equal(messages.n, warning ? 1 : 0);
        if (warning) {
                assert_false(messages.list[0].is_error);
                assert_non_null(strstr(messages.list[0].text, warning));
        }
        config_messages_deinit(&messages);
        return config;
}

static struct config *parse(const char *text) {
        return parse_warned(slice_of(text), NULL);
}

static void test_a_provider_sets_what_it_needs(void **state) {
        struct config *config = parse("[token athena]\n" NEEDED "[token sandbox]\n"
                                      "provider = athenahealth-preview\n"
                                      "client_id = id\n"
                                      "client_secret = env:SECRET\n");
        const struct config_token *token = config_find(config, "athena");

        assert_string_equal(token->name, "athena");
        assert_int_equal(token->line, 1);
        assert_string_equal(token->token_url,
                            "https://api.platform.athenahealth.com/oauth2/v1/token");
        assert_string_equal(token->scope, "athena/service/Athenanet.MDP.*");
        assert_int_equal(token->basic_encoding, CONFIG_BASIC_RAW);
        assert_int_equal(token->terms.requests_per_minute, 20);
        assert_string_equal(token->client_id, "credential:id");
        assert_string_equal(token->client_secret, "credential:secret");

        token = config_find(config, "sandbox");
        assert_int_equal(token->line, 5);
        assert_string_equal(token->token_url,
                            "https://api.preview.platform.athenahealth.com/oauth2/v1/token");
        assert_string_equal(token->scope, "athena/service/Athenanet.MDP.*");
        assert_int_equal(token->basic_encoding, CONFIG_BASIC_RAW);
        assert_int_equal(token->terms.requests_per_minute, 4);
        assert_string_equal(token->client_id, "id");
        assert_string_equal(token->client_secret, "env:SECRET");
        config_free(config);
}

static void test_what_is_not_written_has_its_default(void **state) {
        struct config *config = parse("[token other]\n"
                                      "token_url = https://example.com/token\n"
                                      "client_id = id\n"
                                      "client_secret = env:SECRET\n");
        const struct config_token *token = &config->tokens[0];
        const struct terms terms = TERMS_DEFAULT;

        assert_string_equal(config->socket, "");
        assert_string_equal(config->socket_group, "");
        assert_int_equal(config->socket_mode, 0660);
        assert_int_equal(config->user_connections, 65536);
        assert_int_equal(config->user_waiting, 65536);
        assert_int_equal(config->user_requests_per_second, 10000);
        assert_int_equal(config->audit, CONFIG_AUDIT_FIRST);
        assert_int_equal(config->n_tokens, 1);

        assert_string_equal(token->token_url, "https://example.com/token");
        assert_string_equal(token->scope, "");
        assert_string_equal(token->practice_id, "");
        assert_string_equal(token->tls_ca_file, "");
        assert_string_equal(token->proxy, "");
        assert_int_equal(token->basic_encoding, CONFIG_BASIC_RFC6749);
        assert_false(token->is_default);
        assert_true(token->connect_timeout == 5 * NSEC_PER_SEC);
        assert_true(token->timeout == 15 * NSEC_PER_SEC);
        assert_true(token->default_expires_in == 3600 * NSEC_PER_SEC);
        assert_int_equal(token->allow_users.n, 0);
        assert_null(token->allow_users.words[0]);
        assert_int_equal(token->allow_groups.n, 0);
        assert_null(token->allow_groups.words[0]);
        assert_int_equal(token->allow_units.n, 0);
        assert_null(token->allow_units.words[0]);
        assert_memory_equal(&token->terms, &terms, offsetof(struct terms, requests_per_minute));
        assert_int_equal(token->terms.requests_per_minute, terms.requests_per_minute);
        config_free(config);
}

static void test_every_key_has_its_field(void **state) {
        struct config *config = parse("[broker]\n"
                                      "socket = /run/x.sock\n"
                                      "socket_mode = 0600\n"
                                      "socket_group = bearer\n"
                                      "user_connections = 500\n"
                                      "user_waiting = 100\n"
                                      "user_requests_per_second = 2000\n"
                                      "audit = all\n"
                                      "[token a]\n"
                                      "token_url = https://example.com/t\n"
                                      "client_id = id\n"
                                      "client_secret = file:/run/secret\n"
                                      "scope = a b\n"
                                      "practice_id = 195900\n"
                                      "basic_encoding = raw\n"
                                      "tls_ca_file = /etc/ca.pem\n"
                                      "proxy = http://proxy:3128\n"
                                      "connect_timeout = 1s\n"
                                      "timeout = 2s\n"
                                      "default = yes\n"
                                      "allow_users = one, two three\n"
                                      "allow_groups = four\n"
                                      "allow_units = five.service, six@*.service seven*\n"
                                      "requests_per_minute = 3\n"
                                      "default_expires_in = 4s\n"
                                      "refresh_ahead = 5s\n"
                                      "floor = 6s\n"
                                      "min_renewal_interval = 7s\n"
                                      "renewal_pause = 20min\n"
                                      "retry_min = 9s\n"
                                      "retry_max = 10s\n"
                                      "denied_min = 11s\n"
                                      "denied_max = 12s\n");
        const struct config_token *token = config_default(config);
        const struct terms *terms = &token->terms;

        assert_string_equal(config->socket, "/run/x.sock");
        assert_int_equal(config->socket_mode, 0600);
        assert_string_equal(config->socket_group, "bearer");
        assert_int_equal(config->user_connections, 500);
        assert_int_equal(config->user_waiting, 100);
        assert_int_equal(config->user_requests_per_second, 2000);
        assert_int_equal(config->audit, CONFIG_AUDIT_ALL);
        assert_int_equal(config->socket_group_line, 4);
        assert_string_equal(token->token_url, "https://example.com/t");
        assert_string_equal(token->client_id, "id");
        assert_string_equal(token->client_secret, "file:/run/secret");
        assert_string_equal(token->scope, "a b");
        assert_string_equal(token->practice_id, "195900");
        assert_int_equal(token->basic_encoding, CONFIG_BASIC_RAW);
        assert_string_equal(token->tls_ca_file, "/etc/ca.pem");
        assert_string_equal(token->proxy, "http://proxy:3128");
        assert_true(token->connect_timeout == 1 * NSEC_PER_SEC);
        assert_true(token->timeout == 2 * NSEC_PER_SEC);
        assert_true(token->is_default);
        assert_int_equal(token->allow_users.n, 3);
        assert_string_equal(token->allow_users.words[0], "one");
        assert_string_equal(token->allow_users.words[1], "two");
        assert_string_equal(token->allow_users.words[2], "three");
        assert_null(token->allow_users.words[3]);
        assert_int_equal(token->allow_users.line, 21);
        assert_int_equal(token->allow_groups.n, 1);
        assert_string_equal(token->allow_groups.words[0], "four");
        assert_int_equal(token->allow_groups.line, 22);
        assert_int_equal(token->allow_units.n, 3);
        assert_string_equal(token->allow_units.words[0], "five.service");
        assert_string_equal(token->allow_units.words[1], "six@*.service");
        assert_string_equal(token->allow_units.words[2], "seven*");
        assert_int_equal(token->allow_units.line, 23);
        assert_int_equal(terms->requests_per_minute, 3);
        assert_true(token->default_expires_in == 4 * NSEC_PER_SEC);
        assert_true(terms->refresh_ahead == 5 * NSEC_PER_SEC);
        assert_true(terms->floor == 6 * NSEC_PER_SEC);
        assert_true(terms->min_renewal_interval == 7 * NSEC_PER_SEC);
        assert_true(terms->renewal_pause == 20 * NSEC_PER_MIN);
        assert_true(terms->renewal_pause_max == 20 * NSEC_PER_MIN);
        assert_true(terms->retry_min == 9 * NSEC_PER_SEC);
        assert_true(terms->retry_max == 10 * NSEC_PER_SEC);
        assert_true(terms->denied_min == 11 * NSEC_PER_SEC);
        assert_true(terms->denied_max == 12 * NSEC_PER_SEC);
        assert_true(terms->attempt_timeout == 7 * NSEC_PER_SEC);
        config_free(config);
}

static void test_settings_of_an_assertion_have_their_fields(void **state) {
        struct config *config = parse("[token a]\n"
                                      "token_url = https://example.com/t\n"
                                      "client_id = id\n"
                                      "client_auth = private_key_jwt\n"
                                      "private_key = credential:key\n"
                                      "private_key_passphrase = env:PHRASE\n"
                                      "signing_algorithm = PS256\n"
                                      "key_id = our key: 1\n"
                                      "assertion_audience = urn:them\n"
                                      "assertion_lifetime = 2min\n"
                                      "assertion_client_id = yes\n");
        const struct config_token *token = config_default(config);

        assert_int_equal(token->client_auth, CLIENT_AUTH_PRIVATE_KEY_JWT);
        assert_string_equal(token->client_secret, "");
        assert_string_equal(token->private_key, "credential:key");
        assert_string_equal(token->private_key_passphrase, "env:PHRASE");
        assert_int_equal(token->signing_algorithm, SIGNING_PS256);
        assert_string_equal(token->key_id, "our key: 1");
        assert_string_equal(token->assertion_audience, "urn:them");
        assert_true(token->assertion_lifetime == 120 * NSEC_PER_SEC);
        assert_true(token->assertion_client_id);
        config_free(config);
}

/* Each provider's settings are right, and with what it needs, and a credential, it is complete. */
static void test_every_provider_is_right(void **state) {
        const struct preset *preset;

        for (size_t i = 0; (preset = preset_at(i)); i++) {
                bool has_issuer = false, is_signed = false, has_url = false;
                struct buffer text = BUFFER_INIT(2048);

                buffer_printf(&text, "[token a]\nprovider = %s\nclient_id = id\n",
                              preset->provider);
                for (size_t j = 0; preset->settings[j].key; j++) {
                        is_signed |= strcmp(preset->settings[j].value, "none") == 0 ||
                                     strcmp(preset->settings[j].value, "private_key_jwt") == 0;
                        has_url |= strcmp(preset->settings[j].key, "token_url") == 0;
                }
                for (size_t j = 0; preset->needs[j].key; j++) {
                        bool is_issuer = strcmp(preset->needs[j].key, "issuer") == 0;

                        has_issuer |= is_issuer;
                        buffer_printf(&text, "%s = %s\n", preset->needs[j].key,
                                      is_issuer ? "https://a.example/" : "some");
                }
                if (!has_issuer && !has_url)
                        buffer_append_text(&text, "token_url = https://a.example/\n");
                buffer_printf(&text, "%s = env:S\n%c", is_signed ? "private_key" : "client_secret",
                              0);
                config_free(parse(text.data));
                buffer_deinit(&text);
        }
        assert_true(preset_at(0) && !preset_find(SLICE("nobody")));
}

static void test_a_url_does_for_the_issuer_that_a_provider_needs(void **state) {
        struct config *config = parse("[token a]\n"
                                      "provider = keycloak\n"
                                      "token_url = https://a.example/t\n"
                                      "client_id = id\n"
                                      "client_secret = env:S\n");

        assert_string_equal(config->tokens[0].issuer, "");
        config_free(config);
}

static void test_a_service_account_of_google_signs_what_it_asks_with(void **state) {
        struct config *config = parse("[token a]\n"
                                      "provider = google\n"
                                      "client_id = us@project.iam.gserviceaccount.com\n"
                                      "private_key = credential:key\n"
                                      "key_id = 1\n"
                                      "subject = user@example.com\n"
                                      "scope = https://www.googleapis.com/auth/drive\n");
        const struct config_token *token = &config->tokens[0];

        assert_string_equal(token->token_url, "https://oauth2.googleapis.com/token");
        assert_int_equal(token->grant, GRANT_JWT_BEARER);
        assert_int_equal(token->client_auth, CLIENT_AUTH_NONE);
        assert_int_equal(token->signing_algorithm, SIGNING_RS256);
        assert_string_equal(token->subject, "user@example.com");
        config_free(config);
}

static void test_an_issuer_may_be_there_instead_of_a_url(void **state) {
        struct config *config = parse("[token a]\n"
                                      "issuer = https://a.example/x/\n"
                                      "discovery = oauth\n"
                                      "client_id = id\n"
                                      "client_secret = env:S\n");

        assert_string_equal(config->tokens[0].token_url, "");
        assert_string_equal(config->tokens[0].issuer, "https://a.example/x/");
        assert_int_equal(config->tokens[0].discovery, METADATA_OAUTH);
        config_free(config);
}

static void test_settings_of_a_request_have_their_fields(void **state) {
        struct config *config = parse("[token a]\n" NEEDED "resource = https://a.example/x, urn:b\n"
                                      "audience = https://api.example/\n"
                                      "form = a=b = c\n"
                                      "header = X-One: 1\n"
                                      "form = flag=\n"
                                      "header = X-Two: 2, 3\n"
                                      "tls_pinned_key = "
                                      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;"
                                      "sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=\n"
                                      "proxy = http://proxy:3128\n"
                                      "proxy_user = us\n"
                                      "proxy_password = env:PASSWORD\n"
                                      "source_address = fe80::1\n"
                                      "http_version = 2\n");
        const struct config_token *token = config_default(config);

        assert_int_equal(token->resource.n, 2);
        assert_string_equal(token->resource.words[1], "urn:b");
        assert_string_equal(token->audience, "https://api.example/");
        assert_int_equal(token->form.n, 2);
        assert_string_equal(token->form.words[0], "a=b = c");
        assert_string_equal(token->form.words[1], "flag=");
        assert_null(token->form.words[2]);
        assert_int_equal(token->headers.n, 2);
        assert_string_equal(token->headers.words[1], "X-Two: 2, 3");
        assert_true(token->tls_pinned_key[8] == 'A');
        assert_string_equal(token->proxy_user, "us");
        assert_string_equal(token->proxy_password, "env:PASSWORD");
        assert_string_equal(token->source_address, "fe80::1");
        assert_int_equal(token->http_version, CONFIG_HTTP_2);
        config_free(config);
}

/* Its encoding of Basic is of no use then, and is not in the way. */
static void test_a_provider_serves_other_ways_to_authenticate(void **state) {
        struct config *config = parse("[token a]\n"
                                      "provider = athenahealth\n"
                                      "client_id = id\n"
                                      "client_auth = tls_client_auth\n"
                                      "private_key = credential:key\n"
                                      "client_certificate = file:/etc/our.pem\n");
        const struct config_token *token = config_default(config);

        assert_int_equal(token->client_auth, CLIENT_AUTH_TLS);
        assert_string_equal(token->client_certificate, "file:/etc/our.pem");
        config_free(config);
}

static void test_what_is_written_beats_the_provider_before_it_or_behind_it(void **state) {
        static const char own[] = "token_url = https://example.com/t\n"
                                  "scope = mine\n"
                                  "basic_encoding = rfc6749\n"
                                  "requests_per_minute = 7\n";
        char text[1024];

        for (int i = 0; i < 2; i++) {
                struct config *config;

                snprintf(text, sizeof text, "[token a]\n%s%s%s", i == 0 ? own : "", NEEDED,
                         i == 0 ? "" : own);
                config = parse(text);
                assert_string_equal(config->tokens[0].token_url, "https://example.com/t");
                assert_string_equal(config->tokens[0].scope, "mine");
                assert_int_equal(config->tokens[0].basic_encoding, CONFIG_BASIC_RFC6749);
                assert_int_equal(config->tokens[0].terms.requests_per_minute, 7);
                config_free(config);
        }
}

static void test_a_short_renewal_pause_still_doubles_to_15_minutes(void **state) {
        struct config *config = parse("[token a]\n" NEEDED "renewal_pause = 1s\n");

        assert_true(config->tokens[0].terms.renewal_pause_max == 15 * NSEC_PER_MIN);
        config_free(config);
}

static void test_the_default_is_the_one_that_says_so_or_the_only_one(void **state) {
        struct config *config = parse("[token a]\n" NEEDED);

        assert_string_equal(config_default(config)->name, "a");
        config_free(config);

        config = parse("[token a]\n" NEEDED "default = no\n[token b]\n" NEEDED);
        assert_null(config_default(config));
        assert_null(config_find(config, "c"));
        assert_null(config_find(config, ""));
        config_free(config);

        config = parse("[token a]\n" NEEDED "[token b]\ndefault = yes\n" NEEDED);
        assert_string_equal(config_default(config)->name, "b");
        config_free(config);
}

static void test_http_on_this_host_is_accepted_with_a_warning(void **state) {
        static const char text[] = "[token a]\n"
                                   "client_id = id\n"
                                   "token_url = http://127.0.0.1:8080/token\n"
                                   "client_secret = env:SECRET\n";

        static const char issuer[] = "[token a]\n"
                                     "issuer = http://localhost:1\n"
                                     "client_id = id\n"
                                     "client_secret = env:SECRET\n";

        config_free(parse_warned(slice_of(text), "FILE:3: token_url is http:"));
        config_free(parse_warned(slice_of(issuer), "FILE:2: issuer is http:"));
}

/* ---- what is wrong ---- */

static void assert_messages(const char *text, const char *const *expected) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;
        size_t i = 0;

        assert_int_equal(config_parse(slice_of(text), "FILE", &messages, &config), -EINVAL);
        assert_null(config);
        for (; i < messages.n; i++)
                if (!expected[i] ||
                    strncmp(messages.list[i].text, expected[i], strlen(expected[i])) != 0)
                        fail_msg("%s, not %s", messages.list[i].text,
                                 expected[i] ? expected[i] : "that many");
        if (expected[i])
                fail_msg("missing: %s", expected[i]);
        assert_int_equal(messages.n_errors, messages.n);
        config_messages_deinit(&messages);
}

/* Every row: a file, and how the messages about it begin, which are no more than those. */
static const struct {
        const char *text;
        const char *expected[8];
} mistakes[] = {
        {"", {"FILE: there is no token"}},
        {"# nothing\n", {"FILE: there is no token"}},
        {"[broker]\n", {"FILE: there is no token"}},
        {"key = value\n", {"FILE:1: there is no section above", "FILE: there is no token"}},
        {"[tokens a]\nany = thing\n", {"FILE:1: there is no such section"}},
        {"[broker\nany = thing\n[token a]\n" NEEDED, {"FILE:1: a section is [word]"}},
        {"[token a]\n" NEEDED "[Broker]\nsocket = x\n", {"FILE:5: there is no such section"}},
        {"[token a]\n" NEEDED "[broker x]\n", {"FILE:5: there is one broker"}},
        {"[token a]\n" NEEDED "[broker]\n[broker]\nsocket = x\n",
         {"FILE:6: [broker] is in line 5",
          "FILE:7: socket must be an absolute path of at most 107"}},
        {"[token]\n" NEEDED, {"FILE:1: a token is called [token NAME]"}},
        {"[token A]\n" NEEDED, {"FILE:1: a token is called [token NAME]"}},
        {"[token -a]\nfloor = 1\n",
         {"FILE:1: a token is called", "FILE:1: token_url is missing",
          "FILE:1: client_id is missing", "FILE:1: client_secret is missing"}},
        {"[token a]\n" NEEDED "[token a]\n" NEEDED,
         {"FILE:5: the token of this name is in line 1"}},
        {"[token a]\n",
         {"FILE:1: token_url is missing: it must be an https URL",
          "FILE:1: client_id is missing: it must be credential:NAME, env:NAME, file:/PATH, or",
          "FILE:1: client_secret is missing: it must be credential:NAME, env:NAME or file:/PATH"}},
        {"[token a]\nprovider = gogle\nclient_id = id\nclient_secret = env:S\n",
         {"FILE:2: provider must be athenahealth, athenahealth-preview, auth0, entra, google"}},
        {"[token a]\n" NEEDED "scop = x\n",
         {"FILE:5: there is no such key in [token]: is scope meant?"}},
        {"[token a]\n" NEEDED "retry_mim = 1s\nreqeusts_per_minute = 1\n",
         {"FILE:5: there is no such key in [token]: is retry_min meant?",
          "FILE:6: there is no such key in [token]: is requests_per_minute meant?"}},
        {"[token a]\n" NEEDED "socket = /x\n[broker]\ntimeout = 1\n",
         {"FILE:5: there is no such key in [token]: remove the line",
          "FILE:7: there is no such key in [broker]: remove the line"}},
        {"[token a]\n" NEEDED "Scope = x\nsomething_else = 1\n",
         {"FILE:5: there is no such key in [token]: is scope meant?",
          "FILE:6: there is no such key in [token]: remove the line"}},
        {"[token a]\n" NEEDED "floor = 1\nscope = a\nfloor = 1\nscope = b\n",
         {"FILE:7: floor is in line 5 of this section", "FILE:8: scope is in line 6"}},
        {"[token a]\n" NEEDED "floor = x\nfloor = 1\n",
         {"FILE:5: floor must be a time from 0s to 1h", "FILE:6: floor is in line 5"}},
        {"[token a]\n" NEEDED "default = yes\n[token b]\n" NEEDED "default = on\n",
         {"FILE:10: line 5 has default = yes already"}},
        {"[token a]\n" NEEDED "default = maybe\n", {"FILE:5: default must be yes or no"}},
        {"[token a]\n" NEEDED "form = a=b\nform = aa=b\nform = a=c\n",
         {"FILE:7: form has the same name twice: remove one of them"}},
        {"[token a]\n" NEEDED "form = scope=b\nheader = Host: x\n",
         {"FILE:5: form must be NAME=VALUE", "FILE:6: header must be NAME: VALUE"}},
        {"[token a]\n" NEEDED "proxy_user = us\n",
         {"FILE:5: proxy_user is of no use without proxy:",
          "FILE:5: proxy_user is of no use without proxy_password:"}},
        {"[token a]\n" NEEDED "proxy = http://p:1\nproxy_password = env:P\n",
         {"FILE:6: proxy_password is of no use without proxy_user: write both"}},
        {"[token a]\n" NEEDED "discovery = smart\n",
         {"FILE:5: discovery is of no use without issuer: write both"}},
        {"[token a]\n" NEEDED "issuer = https://a.example/?x\ndiscovery = saml\n",
         {"FILE:5: issuer must be an https URL without user, query",
          "FILE:6: discovery must be openid, oauth or smart"}},
        {"[token a]\n" JWT_NEEDED "assertion_audience = issuer\n",
         {"FILE:7: assertion_audience = issuer: there is no issuer, write one"}},
        {"[token a]\nissuer = http://localhost/\nclient_id = id\nprivate_key = env:K\n"
         "client_certificate = env:C\nclient_auth = tls_client_auth\n",
         {"FILE:6: client_auth = tls_client_auth shows a certificate"}},
        {"[token a]\ntoken_url = https://a.example/\nclient_id = id\n"
         "client_auth = private_key_jwt\nprivate_key = env:K\n",
         {"FILE:1: signing_algorithm is missing: it must be RS256, RS384, PS256, ES256 or ES384"}},
        {"[token a]\nprovider = keycloak\ntoken_url = https://a.example/\nclient_id = id\n"
         "client_auth = private_key_jwt\nprivate_key = env:K\nsigning_algorithm = ES256\n",
         {"FILE:1: assertion_audience = issuer: there is no issuer, write one"}},
        {"[token a]\nprovider = okta\nclient_id = id\nclient_secret = env:S\n",
         {"FILE:1: issuer is missing: provider = okta needs it (https://ORG.okta.com/oauth2/",
          "FILE:1: scope is missing: provider = okta needs it"}},
        {"[token a]\nprovider = google\nclient_id = id\nclient_secret = env:S\nscope = s\n",
         {"FILE:1: private_key is missing",
          "FILE:4: client_secret is of no use with client_auth = none, grant = jwt_bearer"}},
        {"[token a]\n" JWT_NEEDED "grant = jwt_bearer\n",
         {"FILE:4: grant = jwt_bearer says who the client is: write client_auth = none"}},
        {"[token a]\n" NEEDED "grant = password\n",
         {"FILE:5: grant must be client_credentials or jwt_bearer"}},
        {"[token a]\n" NEEDED "subject = me\n",
         {"FILE:5: subject is of no use with client_auth = basic"}},
        {"[token a]\n" NEEDED "client_auth = Basic\n",
         {"FILE:5: client_auth must be basic, post, private_key_jwt, tls_client_auth, "
          "self_signed_tls_client_auth or none"}},
        {"[token a]\n" NEEDED "key_id = 1\n",
         {"FILE:5: key_id is of no use with client_auth = basic: remove it, or change"}},
        {"[token a]\n" NEEDED "client_auth = none\n",
         {"FILE:4: client_secret is of no use with client_auth = none: remove it, or change"}},
        {"[token a]\n" NEEDED "client_auth = private_key_jwt\n",
         {"FILE:1: private_key is missing: it must be credential:NAME, env:NAME or file:/PATH",
          "FILE:4: client_secret is of no use with client_auth = private_key_jwt"}},
        {"[token a]\n" JWT_NEEDED "signing_algorithm = HS256\nassertion_lifetime = 5s\n"
         "assertion_audience = a b\nsubject = X\n",
         {"FILE:7: signing_algorithm is in line 5", "FILE:8: assertion_lifetime must be a time",
          "FILE:9: assertion_audience must be token_url, issuer, or what",
          "FILE:10: subject is of no use with client_auth = private_key_jwt"}},
        {"[token a]\ntoken_url = http://localhost/t\nclient_id = id\nprivate_key = env:K\n"
         "client_certificate = env:C\nclient_auth = tls_client_auth\n",
         {"FILE:6: client_auth = tls_client_auth shows a certificate: token_url must be https"}},
        {"[token a]\n" NEEDED "basic_encoding = RAW\n",
         {"FILE:5: basic_encoding must be rfc6749 or raw"}},
        {"[token a]\n" NEEDED "retry_max = 500ms\n",
         {"FILE:5: retry_min must not be longer than retry_max"}},
        {"[token a]\n" NEEDED "retry_min = 2s\nretry_max = 1s\n",
         {"FILE:6: retry_min must not be longer than retry_max"}},
        {"[token a]\n" NEEDED "denied_max = 2s\ndenied_min = 3s\n",
         {"FILE:6: denied_min must not be longer than denied_max"}},
        {"[token a]\n" NEEDED "timeout = 4s\n",
         {"FILE:5: connect_timeout must not be longer than timeout"}},
        {"[token a]\n" NEEDED "retry_max = 500ms\nretry_min = x\n",
         {"FILE:6: retry_min must be a time from 100ms to 1h"}},
        {"[token a]\n" NEEDED "allow_users = ,\nallow_groups = a:b\n",
         {"FILE:5: allow_users must be 1 to 64 names", "FILE:6: allow_groups must be 1 to 64"}},
        {"[token a]\n" NEEDED "allow_units = worker\n",
         {"FILE:5: allow_units must be 1 to 64 names of units"}},
        {"[token a]\n" NEEDED "allow_units = worker@.service\n",
         {"FILE:5: allow_units must be 1 to 64 names of units"}},
        {"[token a]\n" NEEDED "proxy = http://proxy\n", {"FILE:5: proxy must be http://HOST:PORT"}},
        {"[broker]\nsocket_mode = 0888\nsocket_group = -x\naudit = yes\n[token a]\n" NEEDED,
         {"FILE:2: socket_mode must be permissions in octal",
          "FILE:3: socket_group must be the name", "FILE:4: audit must be none, first or all"}},
        {"[token a]\nprovider = athenahealth\nclient_id = foo:bar\nclient_secret = hunter2\n",
         {"FILE:3: client_id must be credential:NAME, env:NAME, file:/PATH, or the id itself",
          "FILE:4: client_secret must be credential:NAME, env:NAME or file:/PATH"}},
        {"[token a]\n indented\nscope = a # comment\nnothing\nclient_id = id\n\xff\n",
         {"FILE:1: token_url is missing", "FILE:1: client_secret is missing",
          "FILE:2: the line is indented", "FILE:3: comments need", "FILE:4: this is neither",
          "FILE:6: the line is not UTF-8"}},
};

static void test_every_mistake_is_told_with_its_line(void **state) {
        for (size_t i = 0; i < ELEMENTS(mistakes); i++)
                assert_messages(mistakes[i].text, mistakes[i].expected);
}

static void test_a_token_url_is_https_or_stays_on_this_host(void **state) {
        static const char *const bad[] = {
                "http://example.com/",
                "http://127.0.0.1@evil",
                "http://localhost.evil",
                "http://127.1",
                "http://127.0.0.1:80@evil/",
                "http://[::2]/",
                "http://128.0.0.1/",
                "https://user@example.com/",
                "https://example.com/#x",
                "https://example.com\\x",
                "https://exa mple.com",
                "HTTPS://example.com/",
                "ftp://example.com/",
                "https://",
                "example.com",
        };
        static const char *const expected[] = {"FILE:5: token_url must be an https URL", NULL};
        char text[512];

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                snprintf(text, sizeof text, "[token a]\n%stoken_url = %s\n", NEEDED, bad[i]);
                assert_messages(text, expected);
        }
}

static void test_a_proxy_is_host_and_port(void **state) {
        static const char *const bad[] = {"http://p",     "https://p/",     "http://p:1/",
                                          "http://u@p:1", "http://u:p@p:1", "socks5://p:1",
                                          "p:1",          "http://p:0"};
        static const char *const expected[] = {"FILE:5: proxy must be http://HOST:PORT", NULL};
        char text[512];

        config_free(parse("[token a]\n" NEEDED "proxy = https://[2001:db8::1]:3128\n"));
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                snprintf(text, sizeof text, "[token a]\n%sproxy = %s\n", NEEDED, bad[i]);
                assert_messages(text, expected);
        }
}

/* Whatever is wrong with a line, a message may hold nothing of it. */
static void test_no_message_repeats_what_is_written(void **state) {
        static const char *const lines[] = {
                "client_secret = hunter2",
                "client_secret = env:hunter2-",
                "client_secret = credential:hunter2/",
                "client_secret = file:hunter2",
                "client_secret = hunter2 # hunter2",
                "client_secret = \"hunter2\"",
                "client_secret: hunter2",
                " client_secret = hunter2",
                "client_secret = hunter2\r",
                "client_secret = hunter2\x01",
                "client_secret = hunter2\xff",
                "client_secret = a\tb hunter2",
                "client_secrt = hunter2",
                "hunter2",
                "hunter2 = x",
                "hunter2=",
                "hunter2==",
                "[hunter2]",
                "[token HUNTER2 hunter2]",
                "[broker hunter2]",
                "[hunter2",
                "client_id = hunter2:hunter2",
                "provider = hunter2",
                "token_url = https://hunter2@example.com/",
                "token_url = http://hunter2/",
                "proxy = http://user:hunter2@p:1",
                "timeout = hunter2",
                "requests_per_minute = hunter2",
                "default = hunter2",
                "allow_users = hunter2:x",
                "allow_units = hunter2",
                "basic_encoding = hunter2",
                "scope = hunter2  x",
        };
        char text[512];

        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                struct config_messages messages = CONFIG_MESSAGES_INIT;
                struct config *config = NULL;

                snprintf(text, sizeof text, "[token a]\n%s\n", lines[i]);
                assert_int_equal(config_parse(slice_of(text), "FILE", &messages, &config), -EINVAL);
                assert_true(messages.n > 0);
                for (size_t j = 0; j < messages.n; j++)
                        if (strcasestr(messages.list[j].text, "hunter2"))
                                fail_msg("%s", messages.list[j].text);
                config_messages_deinit(&messages);
        }
}

/* ---- limits ---- */

static const struct {
        const char *key, *below, *least, *most, *above;
} ranges[] = {
        {"connect_timeout", "99ms", "100ms", "5min", "301s"},
        {"timeout", "999ms", "1s", "5min", "301s"},
        {"default_expires_in", "999ms", "1s", "315360000s", "315360001s"},
        {"refresh_ahead", "999ms", "1s", "1d", "86401s"},
        {"floor", "-1s", "0s", "1h", "3601s"},
        {"min_renewal_interval", "99ms", "100ms", "1h", "3601s"},
        {"renewal_pause", "99ms", "100ms", "1d", "86401s"},
        {"retry_min", "99ms", "100ms", "1h", "3601s"},
        {"retry_max", "99ms", "100ms", "1d", "86401s"},
        {"denied_min", "99ms", "100ms", "1d", "86401s"},
        {"denied_max", "99ms", "100ms", "1d", "86401s"},
        {"requests_per_minute", "0", "1", "600", "601"},
};

/* What is said about KEY = VALUE itself; a relation to another key is another matter. */
static bool value_is_accepted(const char *key, const char *value) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;
        char text[512], refusal[64];
        bool accepted = true;

        snprintf(text, sizeof text, "[token a]\n%s%s = %s\n", NEEDED, key, value);
        snprintf(refusal, sizeof refusal, "FILE:5: %s must be a", key);
        (void)config_parse(slice_of(text), "FILE", &messages, &config);
        for (size_t i = 0; i < messages.n; i++)
                if (strncmp(messages.list[i].text, refusal, strlen(refusal)) == 0)
                        accepted = false;
        config_messages_deinit(&messages);
        config_free(config);
        return accepted;
}

static void test_ranges_at_the_limit_and_one_past_it(void **state) {
        for (size_t i = 0; i < ELEMENTS(ranges); i++)
                if (value_is_accepted(ranges[i].key, ranges[i].below) ||
                    !value_is_accepted(ranges[i].key, ranges[i].least) ||
                    !value_is_accepted(ranges[i].key, ranges[i].most) ||
                    value_is_accepted(ranges[i].key, ranges[i].above))
                        fail_msg("%s", ranges[i].key);
        assert_true(OUTCOME_EXPIRES_IN_MAX == 315360000);
        assert_false(value_is_accepted("requests_per_minute", "4.5"));
        assert_false(value_is_accepted("requests_per_minute", "4294967297"));
}

/* Every range in a table of keys is one that can be read, and every default is within its own. */
static void test_ranges_are_readable(void **state) {
        const struct config_section *section = &config_section_token;
        struct config *config = parse("[token a]\n" NEEDED);

        for (size_t i = 0; i < section->n_keys; i++) {
                const struct config_key *key = &section->keys[i];
                const char *value = (const char *)&config->tokens[0] + key->field;
                uint64_t from, to;

                if (!key->from || strcmp(key->from, "1") == 0)
                        continue;
                assert_int_equal(value_time(slice_of(key->from), &from), 0);
                assert_int_equal(value_time(slice_of(key->to), &to), 0);
                assert_in_range(*(const uint64_t *)(const void *)value, from, to);
        }
        config_free(config);
}

static void test_1024_tokens_are_read_and_one_more_is_not(void **state) {
        struct buffer text = BUFFER_INIT(CONFIG_FILE_MAX);
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config;

        for (size_t i = 0; i < CONFIG_TOKENS_MAX; i++)
                buffer_printf(&text, "[token token-%zu]\n%s", i, NEEDED);
        assert_int_equal(buffer_error(&text), 0);
        config = parse_warned(buffer_slice(&text), NULL);
        assert_int_equal(config->n_tokens, CONFIG_TOKENS_MAX);
        assert_string_equal(config_find(config, "token-1023")->name, "token-1023");
        assert_string_equal(config_find(config, "token-0")->name, "token-0");
        config_free(config);

        buffer_append_text(&text, "[token one-more]\nany = thing\n");
        assert_int_equal(config_parse(buffer_slice(&text), "FILE", &messages, &config), -EINVAL);
        assert_int_equal(messages.n, 1);
        assert_string_equal(messages.list[0].text,
                            "FILE:4097: there are more than 1024 tokens: remove this one");
        config_messages_deinit(&messages);
        buffer_deinit(&text);
}

static void test_64_words_are_a_list_and_65_are_not(void **state) {
        char text[1024] = "[token a]\n" NEEDED "allow_users =";
        static const char *const expected[] = {"FILE:5: allow_users must be 1 to 64 names", NULL};
        struct config *config;

        for (size_t i = 0; i < CONFIG_LIST_MAX; i++)
                strcat(text, " a");
        config = parse(text);
        assert_int_equal(config->tokens[0].allow_users.n, CONFIG_LIST_MAX);
        config_free(config);
        strcat(text, " a");
        assert_messages(text, expected);
}

static void test_16_lines_are_taken_and_one_more_is_not(void **state) {
        struct buffer text = BUFFER_INIT(4096);
        const char *expected[] = {"FILE:21: form must be NAME=VALUE, as it is before", NULL};
        struct config *config;

        buffer_append_text(&text, "[token a]\n" NEEDED);
        for (int i = 0; i < 16; i++)
                buffer_printf(&text, "form = n%d=v\n", i);
        buffer_append_char(&text, 0);
        config = parse(text.data);
        assert_int_equal(config->tokens[0].form.n, CONFIG_LINES_MAX);
        config_free(config);
        text.size--;
        buffer_printf(&text, "form = more=v\n%c", 0);
        assert_messages(text.data, expected);
        buffer_deinit(&text);
}

static void test_a_name_of_32_is_read_and_of_33_is_not(void **state) {
        static const char *const expected[] = {"FILE:1: a token is called", NULL};

        config_free(parse("[token abcdefghijklmnopqrstuvwxyz012345]\n" NEEDED));
        assert_messages("[token abcdefghijklmnopqrstuvwxyz0123456]\n" NEEDED, expected);
}

static void test_a_file_at_the_limit_is_read_and_one_past_it_is_not(void **state) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;
        char *text = malloc(CONFIG_FILE_MAX + 1);
        static const char start[] = "[token a]\n" NEEDED;

        assert_non_null(text);
        memset(text, '\n', CONFIG_FILE_MAX + 1);
        memcpy(text, start, sizeof start - 1);
        config_free(parse_warned((struct slice){text, CONFIG_FILE_MAX}, NULL));
        assert_int_equal(
                config_parse((struct slice){text, CONFIG_FILE_MAX + 1}, "FILE", &messages, &config),
                -EINVAL);
        assert_string_equal(messages.list[0].text, "FILE: the file is larger than 1048576 bytes");
        assert_int_equal(messages.n, 1);
        config_messages_deinit(&messages);
        free(text);
}

static void test_64_messages_are_kept_and_more_are_counted(void **state) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;

        for (unsigned i = CONFIG_MESSAGES_MAX; i > 0; i--)
                config_messages_add(&messages, false, "FILE", i, "mistake %u", i);
        assert_int_equal(messages.n, CONFIG_MESSAGES_MAX);
        assert_int_equal(messages.n_errors, 0);
        assert_string_equal(messages.list[0].text, "FILE:1: mistake 1");
        assert_string_equal(messages.list[63].text, "FILE:64: mistake 64");

        config_messages_add(&messages, true, "FILE", 1, "mistake");
        assert_int_equal(messages.n, CONFIG_MESSAGES_MAX);
        assert_int_equal(messages.n_errors, 1);
        assert_string_equal(messages.list[62].text, "FILE:63: mistake 63");
        assert_string_equal(messages.list[63].text, "FILE: there are 2 more messages like these");
        assert_true(messages.list[63].is_error);

        config_messages_add(&messages, false, "FILE", 1, "mistake");
        assert_string_equal(messages.list[63].text, "FILE: there are 3 more messages like these");
        assert_true(messages.list[63].is_error);
        assert_int_equal(messages.error, 0);
        config_messages_deinit(&messages);
        assert_int_equal(messages.n, 0);
}

static void test_messages_without_a_line_come_last(void **state) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;

        config_messages_add(&messages, true, "FILE", 0, "a");
        config_messages_add(&messages, true, NULL, 7, "b");
        config_messages_add(&messages, true, "FILE", 3, "c");
        config_messages_add(&messages, true, "FILE", 3, "d");
        config_messages_add(&messages, true, NULL, 0, "100%%");
        assert_string_equal(messages.list[0].text, "FILE:3: c");
        assert_string_equal(messages.list[1].text, "FILE:3: d");
        assert_string_equal(messages.list[2].text, "b");
        assert_string_equal(messages.list[3].text, "FILE: a");
        assert_string_equal(messages.list[4].text, "100%");
        config_messages_deinit(&messages);
}

/* ---- the environment ---- */

static const char *const *environment; /* NAME, value, NAME, value, NULL */

static char *get(const char *name) {
        for (const char *const *pair = environment; *pair; pair += 2)
                if (strcmp(*pair, name) == 0)
                        return (char *)(uintptr_t)pair[1];
        return NULL;
}

static struct config *from_environment(const char *const *pairs, const char *warning) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;

        environment = pairs;
        if (config_from_environment(get, &messages, &config) != 0)
                fail_msg("%s", messages.n > 0 ? messages.list[0].text : "refused");
        assert_int_equal(messages.n, warning ? 1 : 0);
        if (warning)
                assert_non_null(strstr(messages.list[0].text, warning));
        config_messages_deinit(&messages);
        return config;
}

static void test_two_variables_make_a_token(void **state) {
        const char *const pairs[] = {"BEARERD_CLIENT_ID",
                                     "foo:bar",
                                     "BEARERD_CLIENT_SECRET",
                                     "hunter2",
                                     "BEARERD_SCOPE",
                                     "",
                                     NULL};
        struct config *config = from_environment(pairs, NULL);
        const struct config_token *token = config_default(config);

        assert_int_equal(config->n_tokens, 1);
        assert_string_equal(token->name, "default");
        assert_string_equal(token->client_id, "env:BEARERD_CLIENT_ID");
        assert_string_equal(token->client_secret, "env:BEARERD_CLIENT_SECRET");
        assert_string_equal(token->token_url,
                            "https://api.platform.athenahealth.com/oauth2/v1/token");
        assert_string_equal(token->scope, "athena/service/Athenanet.MDP.*");
        assert_int_equal(token->terms.requests_per_minute, 20);
        assert_int_equal(config->socket_mode, 0660);
        config_free(config);
}

static void test_variables_have_a_client_sign(void **state) {
        const char *const pairs[] = {"BEARERD_CLIENT_ID",
                                     "id",
                                     "BEARERD_CLIENT_AUTH",
                                     "private_key_jwt",
                                     "BEARERD_PRIVATE_KEY",
                                     "hunter2",
                                     "BEARERD_SIGNING_ALGORITHM",
                                     "RS384",
                                     "BEARERD_KEY_ID",
                                     "ours",
                                     NULL};
        struct config *config = from_environment(pairs, NULL);
        const struct config_token *token = config_default(config);

        assert_int_equal(token->client_auth, CLIENT_AUTH_PRIVATE_KEY_JWT);
        assert_string_equal(token->private_key, "env:BEARERD_PRIVATE_KEY");
        assert_int_equal(token->signing_algorithm, SIGNING_RS384);
        assert_string_equal(token->key_id, "ours");
        config_free(config);
}

static void test_the_other_variables_are_read(void **state) {
        const char *const pairs[] = {"BEARERD_CLIENT_ID",
                                     "id",
                                     "BEARERD_CLIENT_SECRET",
                                     "hunter2",
                                     "BEARERD_TOKEN_URL",
                                     "http://localhost:1/t",
                                     "BEARERD_SCOPE",
                                     "mine",
                                     "BEARERD_PRACTICE_ID",
                                     "195900",
                                     "BEARERD_TLS_CA_FILE",
                                     "/ca",
                                     NULL};
        struct config *config = from_environment(pairs, "BEARERD_TOKEN_URL is http:");
        const struct config_token *token = config_default(config);

        assert_string_equal(token->token_url, "http://localhost:1/t");
        assert_string_equal(token->scope, "mine");
        assert_string_equal(token->practice_id, "195900");
        assert_string_equal(token->tls_ca_file, "/ca");
        assert_int_equal(token->basic_encoding, CONFIG_BASIC_RFC6749);
        assert_int_equal(token->terms.requests_per_minute, 4);
        config_free(config);
}

static void test_a_provider_in_the_environment_is_beaten_by_a_url(void **state) {
        const char *const pairs[] = {"BEARERD_CLIENT_ID",
                                     "id",
                                     "BEARERD_CLIENT_SECRET",
                                     "hunter2",
                                     "BEARERD_PROVIDER",
                                     "athenahealth-preview",
                                     "BEARERD_TOKEN_URL",
                                     "https://example.com/",
                                     NULL};
        struct config *config = from_environment(pairs, NULL);

        assert_string_equal(config->tokens[0].token_url, "https://example.com/");
        assert_string_equal(config->tokens[0].scope, "athena/service/Athenanet.MDP.*");
        assert_int_equal(config->tokens[0].terms.requests_per_minute, 4);
        config_free(config);
}

static void test_mistakes_in_the_environment_name_the_variable(void **state) {
        static const struct {
                const char *pairs[16];
                const char *expected[4];
        } rows[] = {
                {{NULL}, {"BEARERD_CLIENT_ID is not set", "BEARERD_CLIENT_SECRET is not set"}},
                {{"BEARERD_CLIENT_ID", "", "BEARERD_CLIENT_SECRET", "hunter2"},
                 {"BEARERD_CLIENT_ID is not set"}},
                {{"BEARERD_CLIENT_ID", "id", "BEARERD_PROVIDER", "hunter2"},
                 {"BEARERD_PROVIDER must be athenahealth, athena",
                  "BEARERD_CLIENT_SECRET is not set"}},
                {{"BEARERD_CLIENT_ID", "id", "BEARERD_CLIENT_SECRET", "hunter2",
                  "BEARERD_TOKEN_URL", "http://hunter2/", "BEARERD_SCOPE", "hunter2 ",
                  "BEARERD_TLS_CA_FILE", "hunter2"},
                 {"BEARERD_TOKEN_URL must be an https URL", "BEARERD_SCOPE must be",
                  "BEARERD_TLS_CA_FILE must be an absolute path"}},
                {{"BEARERD_CLIENT_ID", "id", "BEARERD_CLIENT_SECRET", "hunter2",
                  "BEARERD_PRACTICE_ID", "\033hunter2"},
                 {"BEARERD_PRACTICE_ID must be at most 64"}},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct config_messages messages = CONFIG_MESSAGES_INIT;
                struct config *config = NULL;
                size_t j = 0;

                environment = rows[i].pairs;
                assert_int_equal(config_from_environment(get, &messages, &config), -EINVAL);
                for (; j < messages.n; j++) {
                        const char *expected = rows[i].expected[j];

                        if (!expected ||
                            strncmp(messages.list[j].text, expected, strlen(expected)) != 0)
                                fail_msg("%s", messages.list[j].text);
                        assert_null(strstr(messages.list[j].text, "hunter2"));
                }
                assert_null(rows[i].expected[j]);
                config_messages_deinit(&messages);
        }
}

/* ---- what is written about it ---- */

static struct buffer read_document(const char *name) {
        struct buffer text = BUFFER_INIT(0);
        char path[4096];

        if (!getenv("SOURCE_ROOT"))
                skip();
        snprintf(path, sizeof path, "%s/docs/%s", getenv("SOURCE_ROOT"), name);
        if (file_read(path, CONFIG_FILE_MAX, &text, NULL) < 0)
                fail_msg("cannot read %s", path);
        buffer_append_char(&text, 0);
        return text;
}

static void test_the_example_is_right_also_with_all_its_settings(void **state) {
        struct buffer text = read_document("bearerd.conf.example");

        config_free(parse(text.data));
        for (char *line = text.data; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (*line == '#' && line[1] != ' ' && line[1] != '\n')
                        memmove(line, line + 1, strlen(line)); /* "#key = value" */
        }
        config_free(parse(text.data));
        buffer_deinit(&text);
}

/* Lines are cut where they are full: what belongs together has one space between its words. */
static void join_lines(char *text) {
        char *end = text;

        for (const char *c = text; *c; c++)
                if (*c == '\t' && end > text && end[-1] == '\n')
                        end[-1] = ' ';
                else
                        *end++ = *c;
        *end = 0;
}

/* An entry is "*key*", and its text in one line. */
static void assert_explains(const char *manual, const struct config_key *key) {
        char text[512];
        const char *entry, *end, *range;

        snprintf(text, sizeof text, "\n*%s* ", key->name);
        entry = strstr(manual, text);
        if (!entry)
                fail_msg("bearerd.conf(5) has no entry for %s", key->name);
        if (!key->from)
                return;
        end = strchr(entry + 1, '\n');
        snprintf(text, sizeof text, " From %s to %s", key->from, key->to);
        range = strstr(entry, text);
        if (!range || range > end)
                fail_msg("bearerd.conf(5) does not say of %s:%s", key->name, text);
}

static void test_every_key_is_documented_with_its_range(void **state) {
        static const struct config_section *const sections[] = {&config_section_broker,
                                                                &config_section_token};
        struct buffer text = read_document("man/bearerd.conf.5.scd");
        const char *providers;

        join_lines(text.data);
        for (size_t i = 0; i < ELEMENTS(sections); i++)
                for (size_t j = 0; j < sections[i]->n_keys; j++)
                        assert_explains(text.data, &sections[i]->keys[j]);
        providers = strstr(text.data, "\n# PROVIDERS\n");
        for (size_t i = 0; preset_at(i); i++) {
                char entry[64];

                snprintf(entry, sizeof entry, "\n*%s* ", preset_at(i)->provider);
                assert_non_null(strstr(providers, entry));
                assert_non_null(strstr(PRESET_WORDS, preset_at(i)->provider));
        }
        buffer_deinit(&text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_provider_sets_what_it_needs),
                cmocka_unit_test(test_what_is_not_written_has_its_default),
                cmocka_unit_test(test_every_key_has_its_field),
                cmocka_unit_test(test_settings_of_an_assertion_have_their_fields),
                cmocka_unit_test(test_every_provider_is_right),
                cmocka_unit_test(test_a_url_does_for_the_issuer_that_a_provider_needs),
                cmocka_unit_test(test_a_service_account_of_google_signs_what_it_asks_with),
                cmocka_unit_test(test_an_issuer_may_be_there_instead_of_a_url),
                cmocka_unit_test(test_settings_of_a_request_have_their_fields),
                cmocka_unit_test(test_16_lines_are_taken_and_one_more_is_not),
                cmocka_unit_test(test_a_provider_serves_other_ways_to_authenticate),
                cmocka_unit_test(test_what_is_written_beats_the_provider_before_it_or_behind_it),
                cmocka_unit_test(test_a_short_renewal_pause_still_doubles_to_15_minutes),
                cmocka_unit_test(test_the_default_is_the_one_that_says_so_or_the_only_one),
                cmocka_unit_test(test_http_on_this_host_is_accepted_with_a_warning),
                cmocka_unit_test(test_every_mistake_is_told_with_its_line),
                cmocka_unit_test(test_a_token_url_is_https_or_stays_on_this_host),
                cmocka_unit_test(test_a_proxy_is_host_and_port),
                cmocka_unit_test(test_no_message_repeats_what_is_written),
                cmocka_unit_test(test_ranges_at_the_limit_and_one_past_it),
                cmocka_unit_test(test_ranges_are_readable),
                cmocka_unit_test(test_1024_tokens_are_read_and_one_more_is_not),
                cmocka_unit_test(test_64_words_are_a_list_and_65_are_not),
                cmocka_unit_test(test_a_name_of_32_is_read_and_of_33_is_not),
                cmocka_unit_test(test_a_file_at_the_limit_is_read_and_one_past_it_is_not),
                cmocka_unit_test(test_64_messages_are_kept_and_more_are_counted),
                cmocka_unit_test(test_messages_without_a_line_come_last),
                cmocka_unit_test(test_two_variables_make_a_token),
                cmocka_unit_test(test_variables_have_a_client_sign),
                cmocka_unit_test(test_the_other_variables_are_read),
                cmocka_unit_test(test_a_provider_in_the_environment_is_beaten_by_a_url),
                cmocka_unit_test(test_mistakes_in_the_environment_name_the_variable),
                cmocka_unit_test(test_the_example_is_right_also_with_all_its_settings),
                cmocka_unit_test(test_every_key_is_documented_with_its_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
