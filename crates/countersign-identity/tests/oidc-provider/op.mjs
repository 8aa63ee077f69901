// A certified OpenID provider for tests: node op.mjs [PORT]. Listens on 127.0.0.1 and prints
// `ready ISSUER` when it does. Anybody in PEOPLE signs in with any password.
//
// POST /test/backchannel?to=URL pushes logout tokens of the console's client to URL from then on.
// POST /test/rotate replaces the signing keys: new tokens are signed with the new ones, and the
// old ones are no longer published.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { generateKeyPair, exportJWK } from 'jose';
import Provider from 'oidc-provider';

const port = Number(process.argv[2] ?? 4400);
const issuer = `http://127.0.0.1:${port}`;
const RESOURCE = 'https://gateway.test/api';
// Tokens for this one say nothing by themselves.
const OPAQUE = 'https://gateway.test/opaque';
const REDIRECT = 'http://127.0.0.1:8800/callback';
const PEOPLE = {
  alice: { name: 'Alice', email: 'alice@example.test', email_verified: true, groups: ['admins'] },
  bob: { name: 'Bob', email: 'bob@example.test', email_verified: true, groups: ['dev'] },
};

async function newKeys(generation) {
  const keys = [];
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    keys.push({ ...(await exportJWK(privateKey)), kid: `${alg}-${generation}`, alg, use: 'sig' });
  }
  return keys;
}

function provider(keys, backchannel) {
  return new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['for tests only'] },
    clients: [
      {
        client_id: 'console',
        client_secret: 'console-secret',
        redirect_uris: [REDIRECT],
        post_logout_redirect_uris: [REDIRECT],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
        ...(backchannel && { backchannel_logout_uri: backchannel, backchannel_logout_session_required: true }),
      },
      {
        client_id: 'cli',
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: [
          'authorization_code',
          'refresh_token',
          'urn:ietf:params:oauth:grant-type:device_code',
        ],
        response_types: ['code'],
      },
      {
        client_id: 'agent',
        client_secret: 'agent-secret',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
      },
    ],
    scopes: ['openid', 'offline_access', 'profile', 'email', 'groups', 'call'],
    claims: {
      openid: ['sub'],
      profile: ['name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    findAccount: (_context, id) =>
      PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      // The command line's client has to put a nonce into its proofs.
      dPoP: {
        enabled: true,
        nonceSecret: randomBytes(32),
        requireNonce: (context) => context.oidc?.client?.clientId === 'cli',
      },
      introspection: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          audience: resource,
          scope: 'call',
          accessTokenFormat: resource === OPAQUE ? 'opaque' : 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
        defaultResource: () => RESOURCE,
      },
    },
    pkce: { required: () => true },
    // The tests listen on loopback, where the provider's own dispatcher sends nothing.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    rotateRefreshToken: true,
    ttl: { AccessToken: 300, ClientCredentials: 300, DeviceCode: 120, Grant: 600, IdToken: 300, Interaction: 600, RefreshToken: 600, Session: 600 },
  });
}

let generation = 1;
let backchannel;
let keys = await newKeys(generation);
let handle = provider(keys, backchannel).callback();

http
  .createServer(async (request, response) => {
    if (request.method === 'POST' && request.url === '/test/rotate') {
      generation += 1;
      keys = await newKeys(generation);
      handle = provider(keys, backchannel).callback();
      response.writeHead(204).end();
      return;
    }
    if (request.method === 'POST' && request.url.startsWith('/test/backchannel?')) {
      backchannel = new URL(request.url, issuer).searchParams.get('to');
      handle = provider(keys, backchannel).callback();
      response.writeHead(204).end();
      return;
    }
    handle(request, response);
  })
  .listen(port, '127.0.0.1', () => console.log(`ready ${issuer}`));
