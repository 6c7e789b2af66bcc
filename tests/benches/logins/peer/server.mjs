// The npm package oidc-provider, as its README sets it up, answering client_credentials over TLS with a JWT access token signed by
// ES256: what the token endpoint is measured beside. Arguments: certificate and key (PEM), the client's id and secret.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import Provider from 'oidc-provider'

const [certificate, key, client_id, client_secret] = process.argv.slice(2)
const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const api = 'https://localhost/api'
const provider = new Provider('https://localhost', {
  clients: [{ client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
    id_token_signed_response_alg: 'ES256' }],
  routes: { token: '/oauth2/token' },
  cookies: { keys: ['of nobody: there are no browsers here'] },
  jwks: { keys: [{ ...own, alg: 'ES256', use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      getResourceServerInfo: () => ({ scope: 'api', audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
})
const server = https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback())
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`))
