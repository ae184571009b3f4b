// SPDX-License-Identifier: MIT
// oauth2_server - npm's @node-oauth/oauth2-server over HTTPS on 127.0.0.1, in memory.
//
//   oauth2_server.js MODULES DIRECTORY    with server.pem, server.key and clients.json there
//
// Says its port once it listens.
'use strict'

const fs = require('node:fs')
const https = require('node:https')
const path = require('node:path')
const { createRequire } = require('node:module')

const [modules, directory] = process.argv.slice(2)
const at = name => path.join(directory, name)
const OAuth2Server = createRequire(path.join(modules, 'x.js'))('@node-oauth/oauth2-server')
const clients = JSON.parse(fs.readFileSync(at('clients.json')))

const oauth = new OAuth2Server({
  accessTokenLifetime: 600,
  model: {
    getClient: async (id, secret) => {
      const client = clients.find(one => one.client_id === id && one.client_secret === secret)
      return client && { id, grants: ['client_credentials'] }
    },
    getUserFromClient: async client => ({ id: client.id }),
    validateScope: async (user, client, scope) =>
      (scope || []).every(word => ['read', 'write'].includes(word)) && scope,
    saveToken: async (token, client, user) => ({ ...token, client, user })
  }
})

const server = https.createServer({
  cert: fs.readFileSync(at('server.pem')), key: fs.readFileSync(at('server.key'))
}, async (incoming, outgoing) => {
  let body = ''
  for await (const part of incoming) body += part
  const request = new OAuth2Server.Request({
    method: incoming.method, query: {}, headers: incoming.headers,
    body: Object.fromEntries(new URLSearchParams(body))
  })
  const response = new OAuth2Server.Response({})
  await oauth.token(request, response).catch(() => {}) // its answer is in RESPONSE
  outgoing.writeHead(response.status, { 'Content-Type': 'application/json', ...response.headers })
  outgoing.end(JSON.stringify(response.body))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
