/* SPDX-License-Identifier: MIT */
/* A private key, in PEM or as a JWK. Beyond not crashing: why it is none is said, and never with
 * what is in it; with what is one, something is signed by each algorithm that it fits, or it is
 * found out that its numbers do not belong together; written as PEM it is read as the same. What is
 * encrypted is read with a passphrase as well, which is "passphrase". */
#include <errno.h>

#include "base/buffer.h"
#include "fetch/key.h"
#include "fuzz.h"

/* José 11 leaves a number behind where those of an RSA JWK do not belong together. bearerd-fetch
 * ends then; here, what is lost in reading is not counted. */
#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_LEAKS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_LEAKS
#endif
#endif
#ifdef COUNTS_LEAKS
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

static const struct secret no_passphrase;

static bool is_compact(struct slice jws) {
        size_t dots = 0;

        for (size_t i = 0; i < jws.size; i++) {
                char c = jws.data[i];

                if (c == '.')
                        dots++;
                else if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
                         c != '-' && c != '_')
                        return false;
        }
        return dots == 2;
}

static void check_signing(const struct key *key, enum signing_algorithm algorithm) {
        struct buffer header = BUFFER_INIT(100);
        struct secret jws = SECRET_INIT;
        int r;

        buffer_printf(&header, "{\"alg\":\"%s\"}", signing_algorithm_words[algorithm]);
        r = key_sign(key, algorithm, buffer_slice(&header), SLICE("{}"), &jws);
        HOLDS(r == 0 || r == -EIO, "it signs, or says that it cannot");
        HOLDS(r < 0 || is_compact(secret_slice(&jws)), "what is signed is a JWS");
        buffer_deinit(&header);
        secret_deinit(&jws);
}

static unsigned fits(const struct key *key) {
        unsigned set = 0;

        for (unsigned i = 0; signing_algorithm_words[i]; i++)
                if (!key_misfit(key, i))
                        set |= 1U << i;
        return set;
}

/* A JWK may have an algorithm, which PEM does not. */
static void check_writing(const struct key *key) {
        struct secret pem = SECRET_INIT;
        struct key *again = NULL;
        const char *why;

        if (key_write(key, &pem) == 0) {
                HOLDS(key_read(secret_slice(&pem), &no_passphrase, &again, &why) == 0,
                      "what is written is read");
                HOLDS((fits(again) & fits(key)) == fits(key), "it is the same kind of key");
        }
        key_free(again);
        secret_deinit(&pem);
}

static void check_key(struct slice text, const struct secret *passphrase) {
        struct key *key = NULL;
        const char *why = NULL;
        int r;

        __lsan_disable();
        r = key_read(text, passphrase, &key, &why);
        __lsan_enable();
        HOLDS(r == 0 || r == -EBADMSG, "there is memory");
        HOLDS((r == 0) == (key != NULL) && (r < 0) == (why != NULL), "a key, or why not");
        if (r < 0)
                return;
        HOLDS(is_printable(slice_of(key_id(key))), "the id can be shown");
        for (unsigned i = 0; signing_algorithm_words[i]; i++)
                if (!key_misfit(key, i))
                        check_signing(key, i);
        check_writing(key);
        key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice text = input_of(data, size);
        struct secret passphrase = SECRET_INIT;

        if (size > SECRET_SIZE_MAX)
                return 0;
        check_key(text, &no_passphrase);
        if (text.size > 0 && memmem(text.data, text.size, "ENCRYPTED", strlen("ENCRYPTED"))) {
                HOLDS(secret_set(&passphrase, "passphrase", strlen("passphrase")) == 0, "it fits");
                check_key(text, &passphrase);
                secret_deinit(&passphrase);
        }
        return 0;
}
