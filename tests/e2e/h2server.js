// SPDX-License-Identifier: MIT
// h2server - a token endpoint that speaks HTTP/2 and nothing else: h2server.js CERTIFICATE KEY.
// Says its port; grants one token, named after the version that it was asked by.
'use strict'

const fs = require('fs')
const http2 = require('http2')

const [certificate, key] = process.argv.slice(2)
const server = http2.createSecureServer({
  allowHTTP1: false, cert: fs.readFileSync(certificate), key: fs.readFileSync(key)
})
server.on('request', (request, response) => {
  response.setHeader('Content-Type', 'application/json')
  request.resume().on('end', () => response.end(JSON.stringify({
    access_token: 'by-' + request.httpVersion, token_type: 'Bearer', expires_in: 60
  })))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
