// SPDX-License-Identifier: MIT
// oidc_provider - npm's oidc-provider (OpenID Certified) over HTTPS on 127.0.0.1.
//
//   oidc_provider.mjs MODULES DIRECTORY    with server.pem, server.key, ca.pem and clients.json there
//
// Says its ports once it listens: where it is the issuer, and where a client shows its certificate
// (RFC 8705 5). What it grants and refuses is its own doing; here it is only told which clients and
// resources there are, and how a certificate comes to it from TLS.
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { createRequire } from 'node:module'
import { X509Certificate } from 'node:crypto'
import { pathToFileURL } from 'node:url'

const [modules, directory] = process.argv.slice(2)
const at = name => path.join(directory, name)
const { default: Provider } = await import(
  pathToFileURL(createRequire(path.join(modules, 'x.js')).resolve('oidc-provider')))

const own = { cert: fs.readFileSync(at('server.pem')), key: fs.readFileSync(at('server.key')) }
const asking = { ca: fs.readFileSync(at('ca.pem')), requestCert: true, rejectUnauthorized: false }
const servers = [https.createServer(own), https.createServer({ ...own, ...asking })]
for (const server of servers) {
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
}
const [issuer, mutual] = servers.map(server => `https://localhost:${server.address().port}`)

const shown = ctx => {
  const peer = ctx.socket.getPeerCertificate()
  return peer?.raw ? new X509Certificate(peer.raw) : undefined
}
const algorithms = ['RS256', 'RS384', 'PS256', 'ES256', 'ES384']
const provider = new Provider(issuer, {
  clients: JSON.parse(fs.readFileSync(at('clients.json'))),
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt',
    'tls_client_auth', 'self_signed_tls_client_auth', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: algorithms },
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: 600 },
  discovery: { mtls_endpoint_aliases: { token_endpoint: `${mutual}/token` } },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({ scope: 'read write', audience: resource })
    },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      getCertificate: shown,
      certificateAuthorized: ctx => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) =>
        property === 'tls_client_auth_subject_dn' &&
        shown(ctx).subject.split('\n').reverse().join(',') === expected
    }
  }
})
provider.on('server_error', (ctx, error) => console.error(error))
for (const server of servers) server.on('request', provider.callback())
console.log(...servers.map(server => server.address().port))
