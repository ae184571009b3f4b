/* SPDX-License-Identifier: MIT */
/* José stands on what is deprecated in OpenSSL 3. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <jose/openssl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "fetch/key.h"
#include "fetch/pkcs11.h"
#include "fetch/shortage.h"
#include "wire/value.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

#define RSA_BITS_MIN    2048 /* RFC 7518 3.3 */
#define RSA_BITS_MAX    8192 /* signing with more takes seconds */
#define RSA_BITS_NEW    3072 /* as strong as P-256 (NIST SP 800-57) */

#define STRANGE                                                                                    \
        "it is of a kind that is not used here: RSA of 2048 to 8192 bits, or EC on P-256 or "      \
        "P-384 is"

struct key {
        EVP_PKEY *pkey;
        const char *group;             /* of EC; OpenSSL takes memory to say it */
        bool is_hidden;                /* a token keeps it for itself */
        char id[VALUE_KEY_ID_MAX + 1]; /* "": none */
        char algorithm[16];            /* the "alg" of a JWK; "": it says none */
};

/* clang-format off */
/* What each algorithm signs with; a group is of EC alone. */
static const struct {
        int type;
        const char *group, *misfit;
} algorithms[] = {
        [SIGNING_RS256] = {EVP_PKEY_RSA, NULL, "RS256 takes an RSA key"},
        [SIGNING_RS384] = {EVP_PKEY_RSA, NULL, "RS384 takes an RSA key"},
        [SIGNING_PS256] = {EVP_PKEY_RSA, NULL, "PS256 takes an RSA key"},
        [SIGNING_ES256] = {EVP_PKEY_EC, "prime256v1", "ES256 takes an EC key on P-256"},
        [SIGNING_ES384] = {EVP_PKEY_EC, "secp384r1", "ES384 takes an EC key on P-384"},
};
/* clang-format on */

struct key *key_free(struct key *key) {
        if (!key)
                return NULL;
        EVP_PKEY_free(key->pkey);
        free(key);
        return NULL;
}

const char *key_id(const struct key *key) {
        return key->id;
}

struct evp_pkey_st *key_native(const struct key *key) {
        return key->pkey;
}

bool key_is_hidden(const struct key *key) {
        return key->is_hidden;
}

/* Which kinds there are */

static const char *group_of(const EVP_PKEY *pkey) {
        static const char *const groups[] = {"prime256v1", "secp384r1"};
        char name[32];
        size_t size;

        if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &size) != 1)
                return NULL;
        for (size_t i = 0; i < ELEMENTS(groups); i++)
                if (strcmp(name, groups[i]) == 0)
                        return groups[i];
        return NULL;
}

/* Sets the group, too. */
static bool is_supported(struct key *key) {
        int bits = EVP_PKEY_get_bits(key->pkey), type = EVP_PKEY_get_base_id(key->pkey);

        if (type == EVP_PKEY_EC)
                key->group = group_of(key->pkey);
        return type == EVP_PKEY_RSA ? bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
                                    : key->group != NULL;
}

static bool fits(const struct key *key, enum signing_algorithm algorithm) {
        const char *group = algorithms[algorithm].group;

        return EVP_PKEY_get_base_id(key->pkey) == algorithms[algorithm].type &&
               (!group || strcmp(key->group, group) == 0);
}

const char *key_misfit(const struct key *key, enum signing_algorithm algorithm) {
        if (*key->algorithm && strcmp(key->algorithm, signing_algorithm_words[algorithm]) != 0)
                return "the JWK has another algorithm (\"alg\") than signing_algorithm";
        return fits(key, algorithm) ? NULL : algorithms[algorithm].misfit;
}

/* From PEM */

struct opening {
        const struct secret *passphrase;
        bool was_asked;
};

static int tell_passphrase(char *ret_text, int size, int is_writing, void *user) {
        struct opening *opening = user;
        size_t length = opening->passphrase->size;

        opening->was_asked = true;
        if (length == 0 || length > (size_t)size)
                return -1;
        memcpy(ret_text, opening->passphrase->data, length);
        return (int)length;
}

static bool has(struct slice text, const char *part) {
        return text.size > 0 && memmem(text.data, text.size, part, strlen(part));
}

static const char *why_no_pem(struct slice text, const struct opening *opening) {
        if (opening->was_asked && opening->passphrase->size == 0)
                return "it is encrypted: set private_key_passphrase";
        if (opening->was_asked)
                return "private_key_passphrase does not open it";
        if (has(text, "PRIVATE KEY-----"))
                return "the private key in it is damaged, or of a kind that OpenSSL does not know";
        if (has(text, "PUBLIC KEY-----") || has(text, "BEGIN CERTIFICATE-----"))
                return "it has a public key or a certificate, and no private key";
        return "it is no private key in PEM, and no JWK";
}

static const char *read_pem(struct slice text, const struct secret *passphrase,
                            EVP_PKEY **ret_pkey) {
        struct opening opening = {passphrase, false};
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
        EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, tell_passphrase, &opening) : NULL;

        BIO_free(bio);
        ERR_clear_error();
        if (!pkey)
                return why_no_pem(text, &opening);
        *ret_pkey = pkey;
        return NULL;
}

/* From a JWK */

/* Of jansson, what neither json-c nor wire/json has a function of the same name for:
 * json_object_get() and json_string() could be theirs, by the order in which all is linked. */
static json_t *member(json_t *object, const char *name) {
        json_t *found = NULL;

        return json_unpack(object, "{s:o}", name, &found) == 0 ? found : NULL;
}

static const char *text_member(json_t *object, const char *name) {
        return json_string_value(member(object, name));
}

/* RFC 7517 4.2, 4.3 */
static bool may_sign(json_t *jwk) {
        const json_t *operations = member(jwk, "key_ops"), *use;
        size_t n = json_array_size(operations);

        use = member(jwk, "use");
        if (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
                return false;
        for (size_t i = 0; i < n; i++) {
                const char *word = json_string_value(json_array_get(operations, i));

                if (word && strcmp(word, "sign") == 0)
                        return true;
        }
        return !operations;
}

static const char *copy_member(json_t *jwk, const char *name, char *ret_text, size_t size,
                               const char *why) {
        const json_t *found = member(jwk, name);
        const char *text = json_string_value(found);

        if (!found)
                return NULL;
        if (!text || strlen(text) >= size || !value_is_key_id(slice_of(text)))
                return why;
        strcpy(ret_text, text);
        return NULL;
}

static const char *read_members(json_t *jwk, struct key *key) {
        const char *why, *type = text_member(jwk, "kty");

        if (member(jwk, "keys"))
                return "it is a set of JWKs: one private JWK is needed";
        if (!type || (strcmp(type, "RSA") != 0 && strcmp(type, "EC") != 0))
                return "the \"kty\" of the JWK must be RSA or EC";
        if (!text_member(jwk, "d"))
                return "it is a public JWK: the private one is needed";
        if (!may_sign(jwk))
                return "the JWK is not for signing (\"use\", \"key_ops\")";
        why = copy_member(jwk, "kid", key->id, sizeof key->id,
                          "the \"kid\" of the JWK must be 1 to 256 printable characters");
        if (why)
                return why;
        return copy_member(jwk, "alg", key->algorithm, sizeof key->algorithm,
                           "the \"alg\" of the JWK is none that can be used");
}

/* José tells its errors on stderr, unless somebody else takes them. */
static void take_error(void *user, const char *file, int line, uint64_t error, const char *format,
                       va_list arguments) {
}

static jose_cfg_t *quiet_jose(void) {
        jose_cfg_t *jose = jose_cfg();

        if (jose)
                jose_cfg_set_err_func(jose, take_error, NULL);
        return jose;
}

static const char *read_jwk(struct slice text, struct key *key) {
        json_t *jwk = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
        jose_cfg_t *jose = quiet_jose();
        const char *why = "it is no JSON object, so no JWK";

        if (jose && json_is_object(jwk))
                why = read_members(jwk, key);
        if (!why) {
                key->pkey = jose_openssl_jwk_to_EVP_PKEY(jose, jwk);
                why = key->pkey ? NULL : "the numbers of the JWK make no key";
        }
        json_decref(jwk);
        if (jose)
                jose_cfg_decref(jose);
        ERR_clear_error();
        return why;
}

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_json(struct slice text) {
        while (text.size > 0 && is_space(text.data[0]))
                text = (struct slice){text.data + 1, text.size - 1};
        return text.size > 0 && text.data[0] == '{';
}

/* The key, unless R < 0: then WHY it is none. */
static int hand_over(struct key **key, int r, const char *why, struct key **ret_key,
                     const char **ret_why) {
        if (r == -EBADMSG)
                *ret_why = why;
        if (r < 0)
                return r;
        *ret_key = *key;
        *key = NULL; /* consumed */
        return 0;
}

/* What was read while memory was short is not trusted: jansson 2.14 loses bytes of a text then, and
 * José 11 a number of a key, and neither says so. */
int key_read(struct slice text, const struct secret *passphrase, struct key **ret_key,
             const char **ret_why) {
        _cleanup_(cleanup_key) struct key *key = calloc(1, sizeof *key);
        const char *why;

        if (!key)
                return -ENOMEM;
        shortage_begin();
        why = is_json(text) ? read_jwk(text, key) : read_pem(text, passphrase, &key->pkey);
        if (!why && !is_supported(key))
                why = STRANGE;
        return hand_over(&key, shortage_or(why ? -EBADMSG : 0), why, ret_key, ret_why);
}

/* A token's module may have its own reasons for ENOMEM, as where memory cannot be locked: that
 * counts only where there is no key. */
int key_open(const char *uri, const struct secret *pin, struct key **ret_key,
             const char **ret_why) {
        _cleanup_(cleanup_key) struct key *key = calloc(1, sizeof *key);
        const char *why;

        if (!key)
                return -ENOMEM;
        shortage_begin();
        key->is_hidden = true;
        key->pkey = pkcs11_open(uri, pin, &why);
        if (key->pkey)
                why = is_supported(key) ? NULL : STRANGE;
        return hand_over(&key, why ? shortage_or(-EBADMSG) : 0, why, ret_key, ret_why);
}

/* Signing */

/* José takes keys apart, which a token's cannot be: OpenSSL signs what José would have. */
static bool sign_hidden(const struct key *key, enum signing_algorithm algorithm, json_t *jws,
                        json_t *signature) {
        const char *header = text_member(signature, "protected"),
                   *payload = text_member(jws, "payload");
        struct buffer text = BUFFER_INIT(SECRET_SIZE_MAX);
        unsigned char signed_text[PKCS11_SIGNATURE_MAX];
        json_t *more = NULL;
        size_t size = 0;
        bool is_good;

        buffer_printf(&text, "%s.%s", header ? header : "", payload ? payload : "");
        if (header && payload && buffer_error(&text) == 0)
                size = pkcs11_sign(key->pkey, algorithm, buffer_slice(&text), signed_text);
        if (size > 0)
                more = json_pack("{s:s, s:o}", "protected", header, "signature",
                                 jose_b64_enc(signed_text, size));
        is_good = more && json_object_update(jws, more) == 0;
        json_decref(more);
        buffer_deinit(&text);
        return is_good;
}

static json_t *base64url(struct slice text) {
        return jose_b64_enc(text.data, text.size);
}

/* José 11 takes for granted that OpenSSL has the older form of an EC key, which takes memory. */
static json_t *take_apart(jose_cfg_t *jose, EVP_PKEY *pkey) {
        if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC && !EVP_PKEY_get0_EC_KEY(pkey))
                return NULL;
        return jose_openssl_jwk_from_EVP_PKEY(jose, pkey);
}

/* Signed, and verified: a key whose halves do not belong together is found out here. */
static bool sign(jose_cfg_t *jose, const struct key *key, enum signing_algorithm algorithm,
                 json_t *jws, json_t *signature) {
        EVP_PKEY *public = key->is_hidden ? pkcs11_public(key->pkey) : NULL;
        json_t *jwk = take_apart(jose, public ? public : key->pkey);
        bool is_good = jwk && jws && signature &&
                       (key->is_hidden ? sign_hidden(key, algorithm, jws, signature)
                                       : jose_jws_sig(jose, jws, signature, jwk)) &&
                       jose_jws_ver(jose, jws, NULL, jwk, true);

        EVP_PKEY_free(public);
        json_decref(jwk);
        return is_good;
}

static int write_compact(json_t *jws, struct secret *ret_jws) {
        static const char *const parts[] = {"protected", "payload", "signature"};
        struct buffer out = BUFFER_INIT(SECRET_SIZE_MAX);
        int r;

        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                const char *part = text_member(jws, parts[i]);

                if (i > 0)
                        buffer_append_char(&out, '.');
                buffer_append_text(&out, part ? part : "");
        }
        r = buffer_error(&out);
        if (r == 0)
                r = secret_set(ret_jws, out.data, out.size);
        buffer_deinit(&out);
        return r == -ENOBUFS ? -E2BIG : r;
}

int key_sign(const struct key *key, enum signing_algorithm algorithm, struct slice header,
             struct slice payload, struct secret *ret_jws) {
        json_t *jws, *signature;
        jose_cfg_t *jose;
        int r;

        shortage_begin();
        jws = json_pack("{s:o}", "payload", base64url(payload));
        signature = json_pack("{s:o}", "protected", base64url(header));
        jose = quiet_jose();
        r = jose && sign(jose, key, algorithm, jws, signature) ? write_compact(jws, ret_jws)
                                                               : shortage_or(-EIO);
        json_decref(jws);
        json_decref(signature);
        if (jose)
                jose_cfg_decref(jose);
        ERR_clear_error();
        return r;
}

int key_try(const struct key *key) {
        struct buffer header = BUFFER_INIT(64);
        struct secret jws = SECRET_INIT;
        enum signing_algorithm algorithm = 0;
        int r;

        while (!fits(key, algorithm))
                algorithm++;
        buffer_printf(&header, "{\"alg\":\"%s\"}", signing_algorithm_words[algorithm]);
        r = buffer_error(&header);
        if (r == 0)
                r = key_sign(key, algorithm, buffer_slice(&header), SLICE("{}"), &jws);
        secret_deinit(&jws);
        buffer_deinit(&header);
        return r;
}

int key_write(const struct key *key, struct secret *ret_pem) {
        BIO *bio;
        char *data = NULL;
        long size = 0;
        int r;

        shortage_begin();
        bio = BIO_new(BIO_s_mem());
        if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1)
                size = BIO_get_mem_data(bio, &data);
        r = shortage_or(-EIO);
        if (size > 0) {
                r = secret_set(ret_pem, data, (size_t)size);
                explicit_bzero(data, (size_t)size);
        }
        BIO_free(bio);
        ERR_clear_error();
        return r;
}

/* Making */

/* Not all endpoints know key_ops; a "use" all do. */
static bool name_key(jose_cfg_t *jose, json_t *jwk) {
        json_t *more =
                json_pack("{s:s, s:o}", "use", "sig", "kid", jose_jwk_thp(jose, jwk, "S256"));
        bool is_good = more && json_object_update(jwk, more) == 0;

        json_object_del(jwk, "key_ops");
        json_decref(more);
        return is_good;
}

static json_t *generate(jose_cfg_t *jose, enum signing_algorithm algorithm) {
        const char *word = signing_algorithm_words[algorithm];
        json_t *jwk = algorithms[algorithm].type == EVP_PKEY_RSA
                              ? json_pack("{s:s, s:i}", "alg", word, "bits", RSA_BITS_NEW)
                              : json_pack("{s:s}", "alg", word);

        if (jwk && jose_jwk_gen(jose, jwk) && name_key(jose, jwk))
                return jwk;
        json_decref(jwk);
        return NULL;
}

static int write_json(const json_t *json, struct secret *ret_text) {
        char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
        int r = text ? secret_set(ret_text, text, strlen(text)) : -EIO;

        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
        return r;
}

/* The set is made of JWK without what is private. */
static int write_public(jose_cfg_t *jose, json_t *jwk, struct secret *ret_set) {
        json_t *set;
        int r;

        if (!jose_jwk_pub(jose, jwk))
                return -EIO;
        set = json_pack("{s:[O]}", "keys", jwk);
        r = write_json(set, ret_set);
        json_decref(set);
        return r;
}

int key_generate(enum signing_algorithm algorithm, struct secret *ret_private,
                 struct secret *ret_public_set) {
        struct secret private = SECRET_INIT;
        jose_cfg_t *jose;
        json_t *jwk;
        int r;

        shortage_begin();
        jose = quiet_jose();
        jwk = jose ? generate(jose, algorithm) : NULL;
        r = jwk ? write_json(jwk, &private) : -EIO;
        if (r == 0)
                r = write_public(jose, jwk, ret_public_set);
        if (r == 0)
                secret_move(ret_private, &private);
        if (r == -EIO)
                r = shortage_or(r);
        secret_deinit(&private);
        json_decref(jwk);
        if (jose)
                jose_cfg_decref(jose);
        ERR_clear_error();
        return r;
}
