/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/timespan.h"
#include "fetch/attempt.h"
#include "fetch/credentials.h"
#include "fetch/discovery.h"
#include "fetch/probe.h"
#include "fetch/proxy.h"
#include "fetch/way.h"
#include "wire/httpdate.h"
#include "wire/json.h"

/* Beyond this, certificates and what workers make of expires_at go wrong. */
#define CLOCK_TOLERANCE  60
#define HEADER_LINES_MAX 200
#define ALARM_SLACK      3
#define TEXT_MAX         512
#define ADVICE_MAX       128

/* X509_verify_cert_error(3): the numbers that CURLINFO_SSL_VERIFYRESULT gives. */
#define V_OK            0
#define V_UNSPECIFIED   1 /* before, or besides verification: curl's look at the host */
#define V_NOT_YET_VALID 9
#define V_HAS_EXPIRED   10

struct probe {
        CURL *curl;
        const struct config_token *token;
        const char *url_key; /* the setting that its URL is of */
        struct json_writer json;
        size_t n_lines;
        bool tls_began; /* the TCP connection stands */
        bool has_date;
        int64_t ahead; /* how many seconds the endpoint's clock is */
        const char *why;
        char error[CURL_ERROR_SIZE];
        char advice[ADVICE_MAX];
};

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

/* ---- what is said ---- */

static void say(struct probe *probe, const char *result, const char *check, const char *mend,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void say(struct probe *probe, const char *result, const char *check, const char *mend,
                const char *format, ...) {
        char text[TEXT_MAX];
        va_list arguments;

        va_start(arguments, format);
        if (vsnprintf(text, sizeof text, format, arguments) < 0)
                text[0] = 0;
        va_end(arguments);
        json_begin(&probe->json, NULL, '{');
        json_string(&probe->json, "check", slice_of(check));
        json_string(&probe->json, "result", slice_of(result));
        json_string(&probe->json, "message", slice_of(text));
        if (mend)
                json_string(&probe->json, "mend", slice_of(mend));
        json_end(&probe->json, '}');
}

/* To check what is wrong in the setting that the URL is of. */
static const char *check_url(struct probe *probe, const char *before, const char *after) {
        snprintf(probe->advice, sizeof probe->advice, "%s%s%s", before, probe->url_key, after);
        return probe->advice;
}

#define ok(probe, check, ...)          say(probe, "ok", check, NULL, __VA_ARGS__)
#define skipped(probe, check, ...)     say(probe, "skipped", check, NULL, __VA_ARGS__)
#define warning(probe, check, ...)     say(probe, "warning", check, NULL, __VA_ARGS__)
#define wrong(probe, check, mend, ...) say(probe, "wrong", check, mend, __VA_ARGS__)

/* ---- the credentials ---- */

static int load(const struct config_token *token, struct credentials *ret_credentials,
                struct outcome *outcome) {
        _cleanup_(proxy_deinit) struct proxy proxy = PROXY_INIT;
        int r = proxy_load(token, &proxy, outcome);

        return r < 0 ? r : credentials_load(token, ret_credentials, outcome);
}

/* Whether there is reason to look further. Who has started this by hand may well read less than the
 * unit does. */
static bool look_at_credentials(struct probe *probe, bool is_service) {
        _cleanup_(credentials_deinit) struct credentials credentials = CREDENTIALS_INIT;
        const char *way = client_auth_words[probe->token->client_auth];
        char text[CREDENTIALS_WARNING_SIZE];
        struct outcome outcome = OUTCOME_INIT;
        int r = load(probe->token, &credentials, &outcome);

        if (r == -EINVAL && is_service)
                wrong(probe, "client_auth", "mend that: it counts at once, without a reload", "%s",
                      outcome.message);
        else if (r == -EINVAL)
                skipped(probe, "client_auth", "as this user reads it: %s", outcome.message);
        else if (r < 0)
                skipped(probe, "client_auth", "bearerd-fetch: %s", strerror(-r));
        else if (credentials_warning(&credentials, text))
                warning(probe, "client_auth", "%s: %s", way, text);
        else
                ok(probe, "client_auth", "%s: what it takes is there, and of use", way);
        return r != -EINVAL || !is_service;
}

/* ---- what curl tells on the way ---- */

static int before_sending(void *user, char *address, char *local_address, int port,
                          int local_port) {
        struct probe *probe = user;

        probe->why = way_refusal(probe->token, address);
        return probe->why ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* curl notes the time of a connection when TLS is done, too. */
static CURLcode tls_begins(CURL *curl, void *context, void *user) {
        ((struct probe *)user)->tls_began = true;
        return CURLE_OK;
}

static size_t header_came(char *data, size_t one, size_t size, void *user) {
        struct probe *probe = user;
        struct slice value = way_header((struct slice){data, size}, "date:");
        int64_t now = (int64_t)time(NULL), then;

        if (++probe->n_lines > HEADER_LINES_MAX)
                return 0;
        if (value.data && httpdate_parse(slice_trim(value), now, &then) == 0) {
                probe->has_date = true;
                probe->ahead = then - now;
        }
        return size;
}

static size_t body_came(char *data, size_t one, size_t size, void *user) {
        return 0; /* HEAD has none */
}

static CURL *look_new(struct probe *probe) {
        CURL *curl = curl_easy_init();

        if (curl && way_set(curl, probe->token, &PROXY_INIT) && set(CURLOPT_NOBODY, 1L) &&
            set(CURLOPT_CERTINFO, 1L) && set(CURLOPT_ERRORBUFFER, probe->error) &&
            set(CURLOPT_PREREQFUNCTION, before_sending) && set(CURLOPT_PREREQDATA, probe) &&
            set(CURLOPT_HEADERFUNCTION, header_came) && set(CURLOPT_HEADERDATA, probe) &&
            set(CURLOPT_WRITEFUNCTION, body_came) && set(CURLOPT_SSL_CTX_FUNCTION, tls_begins) &&
            set(CURLOPT_SSL_CTX_DATA, probe))
                return curl;
        curl_easy_cleanup(curl);
        return NULL;
}

/* ---- the certificate ---- */

/* What a line of a certificate says of KEY ("Issuer:"); "" if none does. */
static const char *line_of(const struct curl_slist *lines, const char *key) {
        size_t size = strlen(key);

        for (; lines; lines = lines->next)
                if (strncmp(lines->data, key, size) == 0)
                        return lines->data + size;
        return "";
}

/* "CN = a, by CN = b, until ...", and the CA that is above all in what the endpoint sent. */
static void name_certificate(CURL *curl, char *text, size_t size) {
        struct curl_certinfo *chain = NULL;
        const struct curl_slist *leaf, *last;

        text[0] = 0;
        if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
            chain->num_of_certs < 1)
                return;
        leaf = chain->certinfo[0];
        last = chain->certinfo[chain->num_of_certs - 1];
        snprintf(text, size, "certificate of %.120s, CA %.120s, good until %.40s",
                 line_of(leaf, "Subject:"), line_of(last, "Issuer:"),
                 line_of(leaf, "Expire date:"));
}

/* Without verification, and so without sending anything. */
static void look_at_certificate(struct probe *probe, char *text, size_t size) {
        char error[CURL_ERROR_SIZE];
        CURL *curl = look_new(probe);

        text[0] = 0;
        memcpy(error, probe->error, sizeof error);
        if (curl && set(CURLOPT_SSL_VERIFYPEER, 0L) && set(CURLOPT_SSL_VERIFYHOST, 0L) &&
            set(CURLOPT_CONNECT_ONLY, 1L) && curl_easy_perform(curl) == CURLE_OK)
                name_certificate(curl, text, size);
        curl_easy_cleanup(curl);
        memcpy(probe->error, error, sizeof error);
}

static const char *trusted(const struct probe *probe) {
        char *file = NULL;

        if (*probe->token->tls_ca_file)
                return probe->token->tls_ca_file;
        if (curl_easy_getinfo(probe->curl, CURLINFO_CAINFO, &file) != CURLE_OK || !file)
                return "the system's CAs";
        return file;
}

static void tls_is_good(struct probe *probe) {
        char certificate[TEXT_MAX / 2];

        if (way_is_plain(probe->token)) {
                skipped(probe, "tls", "%s is http, to this host", probe->url_key);
                return;
        }
        name_certificate(probe->curl, certificate, sizeof certificate);
        ok(probe, "tls", "%s; trusted by %.100s", certificate, trusted(probe));
}

/* Before TLS 1.3 the handshake itself fails without a certificate that the endpoint wants. */
static bool is_certificate_wanted(const struct probe *probe, CURLcode code) {
        return code == CURLE_SSL_CONNECT_ERROR && client_auth_is_tls(probe->token->client_auth) &&
               strstr(probe->error, " alert ");
}

static void tls_is_wrong(struct probe *probe, CURLcode code) {
        char certificate[TEXT_MAX / 2] = "";
        long result = V_OK;
        const char *mend =
                check_url(probe, "look at the TLS of ", ": openssl s_client -connect HOST:PORT");

        curl_easy_getinfo(probe->curl, CURLINFO_SSL_VERIFYRESULT, &result);
        if (code == CURLE_PEER_FAILED_VERIFICATION)
                look_at_certificate(probe, certificate, sizeof certificate);
        if (result == V_HAS_EXPIRED || result == V_NOT_YET_VALID)
                mend = "the provider must renew it, or this host's clock is wrong (timedatectl)";
        else if (code == CURLE_PEER_FAILED_VERIFICATION && result <= V_UNSPECIFIED)
                mend = check_url(probe, "check the host in ", "");
        else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
                mend = "check tls_ca_file, or install ca-certificates";
        else if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
                mend = "check tls_pinned_key";
        wrong(probe, "tls", mend, "%s%s%s; trusted are %.100s", probe->error,
              *certificate ? "; " : "", certificate, trusted(probe));
}

/* ---- how far it came ---- */

static uint64_t reached(const struct probe *probe, CURLINFO info) {
        curl_off_t microseconds = 0;

        curl_easy_getinfo(probe->curl, info, &microseconds);
        return microseconds > 0 ? (uint64_t)microseconds : 0;
}

/* "": curl does not name one that takes no connection. */
static const char *peer(const struct probe *probe) {
        char *address = NULL;

        curl_easy_getinfo(probe->curl, CURLINFO_PRIMARY_IP, &address);
        return address ? address : "";
}

static void dns_is_good(struct probe *probe) {
        const char *proxy = probe->token->proxy, *address = peer(probe);

        ok(probe, "dns", "%s%.160s %s%s", *proxy ? "proxy " : "",
           *proxy ? proxy : probe->token->token_url, *address ? "is at " : "resolves", address);
}

static void tcp_is_good(struct probe *probe) {
        long port = 0;

        curl_easy_getinfo(probe->curl, CURLINFO_PRIMARY_PORT, &port);
        if (port > 0)
                ok(probe, "tcp", "%s port %ld takes connections", peer(probe), port);
        else
                ok(probe, "tcp", "it takes connections");
}

static void tcp_is_wrong(struct probe *probe, CURLcode code) {
        const char *others = *probe->token->source_address
                                     ? ", the firewall, proxy, and the family of source_address"
                                     : ", the firewall, and proxy";
        const char *mend = code == CURLE_INTERFACE_FAILED
                                   ? "check source_address"
                                   : check_url(probe, "check the port in ", others);

        if (!way_is_closed_by_proxy(probe->curl))
                wrong(probe, "tcp", mend, "%s", probe->error);
        else if (*probe->token->proxy_user)
                skipped(probe, "tcp", "the proxy wants proxy_user, who is not named for a look");
        else
                wrong(probe, "tcp", "set proxy_user and proxy_password", "%s", probe->error);
}

static void clock_is(struct probe *probe) {
        const char *direction = probe->ahead > 0 ? "behind" : "ahead of";
        uint64_t seconds = (uint64_t)(probe->ahead > 0 ? probe->ahead : -probe->ahead);

        if (!probe->has_date)
                skipped(probe, "clock", "the endpoint sends no Date: %.160s",
                        *probe->error ? probe->error : "it answers without one");
        else if (seconds > CLOCK_TOLERANCE)
                wrong(probe, "clock", "set the clock, and have it kept (timedatectl set-ntp true)",
                      "this host's clock is %" PRIu64 " s %s the endpoint's", seconds, direction);
        else
                ok(probe, "clock", "%" PRIu64 " s %s the endpoint's", seconds, direction);
}

enum step { STEP_DNS, STEP_TCP, STEP_TLS, STEP_HTTP };

/* Where CODE says that it ended; else by the last time that curl has noted. */
static enum step step_of(const struct probe *probe, CURLcode code) {
        switch ((int)code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return STEP_DNS;
        case CURLE_PROXY:
                return STEP_TCP;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
                return STEP_TLS;
        default:
                break;
        }
        if (reached(probe, CURLINFO_NAMELOOKUP_TIME_T) == 0)
                return STEP_DNS;
        if (!way_is_plain(probe->token) && reached(probe, CURLINFO_APPCONNECT_TIME_T) == 0)
                return probe->tls_began ? STEP_TLS : STEP_TCP;
        return reached(probe, CURLINFO_CONNECT_TIME_T) == 0 ? STEP_TCP : STEP_HTTP;
}

static void tell(struct probe *probe, CURLcode code) {
        enum step step = code == CURLE_OK ? STEP_HTTP : step_of(probe, code);

        if (!*probe->error && code != CURLE_OK)
                snprintf(probe->error, sizeof probe->error, "%s", curl_easy_strerror(code));
        if (step == STEP_DNS) {
                wrong(probe, "dns",
                      check_url(probe, "check the host in ", ", and /etc/resolv.conf"), "%s",
                      probe->error);
                return;
        }
        dns_is_good(probe);
        if (step == STEP_TCP) {
                tcp_is_wrong(probe, code);
                return;
        }
        tcp_is_good(probe);
        if (step == STEP_TLS && is_certificate_wanted(probe, code)) {
                skipped(probe, "tls",
                        "the endpoint wants the client's certificate, and none is "
                        "shown for a look");
                return;
        }
        if (step == STEP_TLS) {
                tls_is_wrong(probe, code);
                return;
        }
        tls_is_good(probe);
        if (probe->why)
                wrong(probe, "url", check_url(probe, "check ", ""), "%s", probe->why);
        else
                clock_is(probe);
}

static void look(struct probe *probe) {
        if (!way_begin()) {
                skipped(probe, "network", "libcurl cannot start");
                return;
        }
        probe->curl = look_new(probe);
        if (probe->curl)
                tell(probe, curl_easy_perform(probe->curl));
        else
                skipped(probe, "network", "libcurl refuses its settings, or memory is short");
        curl_easy_cleanup(probe->curl);
        way_end();
}

static void look_at_issuer(struct probe *probe) {
        const struct config_token *token = probe->token;
        char url[DISCOVERY_URL_SIZE];
        struct config_token way = discovery_way(token, url);

        if (discovery_url(token, url) < 0) {
                skipped(probe, "network", "bearerd-fetch: %s", strerror(ENOMEM));
                return;
        }
        skipped(probe, "token_url",
                "it is what the issuer names once a token is asked for: this looks at the issuer");
        probe->token = &way;
        probe->url_key = "issuer";
        look(probe);
        probe->token = token;
}

static void look_at_endpoint(struct probe *probe) {
        if (*probe->token->token_url)
                look(probe);
        else
                look_at_issuer(probe);
}

void probe_make(const char *file, const char *name, bool is_service, struct buffer *out) {
        _cleanup_(cleanup_config) struct config *config = NULL;
        struct outcome outcome = OUTCOME_INIT;
        struct probe probe = {.url_key = "token_url", .json = {.out = out}};
        int r = attempt_find(file, name, &config, &probe.token, &outcome);

        json_begin(&probe.json, NULL, '{');
        json_begin(&probe.json, "checks", '[');
        if (r == -EINVAL) {
                wrong(&probe, "configuration", "mend it, then 'systemctl reload bearerd'",
                      "as bearerd-fetch reads it: %s", outcome.message);
        } else if (r < 0) {
                skipped(&probe, "network", "bearerd-fetch: %s", strerror(-r));
        } else {
                /* Twice, where there is a certificate to be named. */
                alarm(2 * (unsigned)time_seconds_up(probe.token->timeout) + ALARM_SLACK);
                if (look_at_credentials(&probe, is_service))
                        look_at_endpoint(&probe);
        }
        json_end(&probe.json, ']');
        json_end(&probe.json, '}');
        buffer_append_char(out, '\n');
}
