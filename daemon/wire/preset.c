/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "wire/preset.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* Each with where its facts come from. What is every provider's is no preset's: the defaults. */
/* clang-format off */
static const struct preset presets[] = {
        /* https://docs.athenahealth.com: URLs, scope, the secret as it is, limits of 5 (preview) and
         * 50 requests a minute. Signed assertions are taken as well, RS384: its smart-configuration
         * (client-confidential-asymmetric), and
         * https://nango.dev/docs/api-integrations/athenahealth-jwks. */
        {"athenahealth", {
                {"token_url",           "https://api.platform.athenahealth.com/oauth2/v1/token"},
                {"scope",               "athena/service/Athenanet.MDP.*"},
                {"basic_encoding",      "raw"},
                {"signing_algorithm",   "RS384"},
                {"requests_per_minute", "20"},
        }, {{NULL}}},
        {"athenahealth-preview", {
                {"token_url",           "https://api.preview.platform.athenahealth.com/oauth2/v1/token"},
                {"scope",               "athena/service/Athenanet.MDP.*"},
                {"basic_encoding",      "raw"},
                {"signing_algorithm",   "RS384"},
                {"requests_per_minute", "4"},
        }, {{NULL}}},

        /* https://auth0.com/docs/flows/call-your-api-using-the-client-credentials-flow: the secret
         * in the form, audience. https://auth0.com/docs/get-started/
         * authentication-and-authorization-flow/authenticate-with-private-key-jwt: aud is the
         * issuer, with its slash; exp within 5 minutes. */
        {"auth0", {
                {"discovery",          "openid"},
                {"client_auth",        "post"},
                {"assertion_audience", "issuer"},
        }, {
                {"issuer",   "https://TENANT.auth0.com/"},
                {"audience", "the identifier of the API"},
        }},

        /* https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow:
         * client_id in the form, RESOURCE/.default. .../certificate-credentials: PS256, aud is the
         * token URL, and the header has the thumbprint of the certificate (client_certificate). */
        {"entra", {
                {"discovery",           "openid"},
                {"client_auth",         "post"},
                {"assertion_client_id", "yes"},
                {"signing_algorithm",   "PS256"},
        }, {
                {"issuer", "https://login.microsoftonline.com/TENANT/v2.0"},
                {"scope",  "RESOURCE/.default"},
        }},

        /* https://developers.google.com/identity/protocols/oauth2/service-account: an assertion as
         * the grant, iss is client_email, scope is in it, aud is the token URL; RS256. key_id is
         * private_key_id. */
        {"google", {
                {"token_url",         "https://oauth2.googleapis.com/token"},
                {"grant",             "jwt_bearer"},
                {"client_auth",       "none"},
                {"signing_algorithm", "RS256"},
        }, {
                {"scope", "https://www.googleapis.com/auth/cloud-platform"},
        }},

        /* https://www.keycloak.org/docs/latest/upgrading/
         * #jwt-client-authentication-aligned-with-the-latest-oidc-specification: aud is the issuer,
         * which older ones take as well. */
        {"keycloak", {
                {"discovery",          "openid"},
                {"assertion_audience", "issuer"},
        }, {
                {"issuer", "https://HOST/realms/REALM"},
        }},

        /* RFC 6749, and the defaults. */
        {"oauth2", {{NULL}}, {{NULL}}},

        /* https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main: a scope must
         * be asked for. .../build-self-signed-jwt: aud is the token URL. */
        {"okta", {
                {"discovery", "openid"},
        }, {
                {"issuer", "https://ORG.okta.com/oauth2/default"},
                {"scope",  "one of the authorization server's"},
        }},

        /* https://hl7.org/fhir/smart-app-launch/backend-services.html and
         * client-confidential-asymmetric.html: RS384 or ES384, with a kid, aud is the token URL, exp
         * within 5 minutes. */
        {"smart-backend", {
                {"discovery",         "smart"},
                {"client_auth",       "private_key_jwt"},
                {"signing_algorithm", "RS384"},
        }, {
                {"issuer", "the base URL of the FHIR server"},
                {"scope",  "system/*.rs"},
        }},
};
/* clang-format on */

const struct preset *preset_find(struct slice provider) {
        for (size_t i = 0; i < ELEMENTS(presets); i++)
                if (slice_is(provider, presets[i].provider))
                        return &presets[i];
        return NULL;
}

const struct preset *preset_at(size_t i) {
        return i < ELEMENTS(presets) ? &presets[i] : NULL;
}
