// A judge of what the registry publishes: verifiers that others wrote, behind JSON lines.
//
// One request a line on stdin, one answer a line on stdout, in order:
//   {"command": "configure", "origin", "door", "contexts": {url: file}} → {}
//   {"command": "verifyCredential", "credential", "now"?, "lists"?}   → {verified, errors, statuses}
//   {"command": "checkStatus", "credential", "lists"?}                → {verified, errors, statuses}
//   {"command": "verifyList", "list"}                                 → {verified, errors}
//   {"command": "open", "url", "method"}                              → {verified, errors, document, header}
//   {"command": "tokenList", "url", "method", "indices"}              → {verified, errors, claims, header, statuses}
//   {"command": "tokenEntry", "jwt"}                                  → {idx, uri}
//   {"command": "load", "url"}                                        → {document} or {errors}
// `statuses` maps a purpose to its bit. `lists` maps a list's address to a document that is served instead of the
// published one. Everything else at `origin` is fetched over HTTP at `door`, the address behind that name; nothing
// else is fetched from anywhere. did:web is resolved likewise. `open` verifies an envelope, a data: URL of a JWS or a
// COSE_Sign1, under the key of a verification method; so does `tokenList` with a status list of the IETF's, which comes
// as such a URL too, and tells its entries at the indices.
import {readFileSync} from 'node:fs';
import {request as ask} from 'node:http';
import {createInterface} from 'node:readline';
import {contexts as securityContexts} from '@digitalbazaar/security-context';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {contexts as statusContexts} from '@digitalbazaar/vc-bitstring-status-list-context';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {createVerifyCryptosuite as createEcdsaJcs} from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {createVerifyCryptosuite as createEddsaJcs} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver as didKeyDriver} from '@digitalbazaar/did-method-key';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {Sign1} from '@auth0/cose';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {StatusList, getListFromStatusListJWT, getStatusListFromJWT} from '@sd-jwt/jwt-status-list';
import {compactVerify, importJWK} from 'jose';
import {decode as decodeCbor} from 'cbor-x';
import {verifyCredential} from '@digitalbazaar/vc';

const ACCEPT = 'application/ld+json, application/json';

const didKey = didKeyDriver();
const multikeys = {z6Mk: Ed25519Multikey, zDna: EcdsaMultikey, z82L: EcdsaMultikey};
for(const [multibaseMultikeyHeader, {from}] of Object.entries(multikeys)) {
  didKey.use({multibaseMultikeyHeader, fromMultibase: from});
}

// The libraries' own copies win over the files that the tests name.
const known = new Map([...securityContexts, ...credentialsContexts, ...statusContexts]);
const suite = [eddsaRdfc, ecdsaRdfc, createEddsaJcs(), createEcdsaJcs()]
  .map(cryptosuite => new DataIntegrityProof({cryptosuite}));
let origin = null;
let door = null;

function configure(request) {
  ({origin, door} = request);
  for(const [url, file] of Object.entries(request.contexts)) {
    if(!known.has(url)) {
      known.set(url, JSON.parse(readFileSync(file, 'utf8')));
    }
  }
  return {};
}

function loaderWith(lists = {}) {
  return async url => ({contextUrl: null, documentUrl: url, document: await document(url, lists)});
}

async function document(url, lists) {
  if(url in lists) {
    return lists[url];
  }
  if(known.has(url)) {
    return known.get(url);
  }
  if(url.startsWith('did:key:')) {
    return didKey.get({url});
  }
  if(url.startsWith('did:web:')) {
    return didWeb(url);
  }
  if(origin !== null && url.startsWith(`${origin}/`)) {
    return published(url);
  }
  throw new Error(`The judge may not load ${url}.`);
}

// did:web Method Specification, section 3.2 (Read): a DID document, or one verification method of it.
async function didWeb(url) {
  const [did, fragment] = url.split('#');
  const [host, ...path] = did.slice('did:web:'.length).split(':').map(decodeURIComponent);
  const folder = path.length ? path.join('/') : '.well-known';
  const controller = await document(`https://${host}/${folder}/did.json`, {});
  if(controller.id !== did) {
    throw new Error(`The document of ${did} is about ${controller.id}.`);
  }
  if(fragment === undefined) {
    return controller;
  }
  const method = controller.verificationMethod.find(({id}) => id === url);
  if(!method) {
    throw new Error(`${did} has no verification method ${url}.`);
  }
  return {'@context': 'https://w3id.org/security/multikey/v1', ...method};
}

// As fetch() would, but for the name: it is not to be looked up.
function published(url) {
  const {host, pathname, search} = new URL(url);
  const headers = {host, accept: ACCEPT, 'cache-control': 'no-cache'};
  return new Promise((resolve, reject) => {
    ask(new URL(pathname + search, door), {headers}, response => {
      const chunks = [];
      response.on('error', reject).on('data', chunk => chunks.push(chunk)).on('end', () => {
        const type = response.headers['content-type'];
        if(response.statusCode !== 200 || !type.includes('json')) {
          reject(new Error(`${url} answers ${response.statusCode} of type ${type}.`));
        } else {
          resolve(JSON.parse(Buffer.concat(chunks)));
        }
      });
    }).on('error', reject).end();
  });
}

async function verify({credential, now, lists}) {
  const documentLoader = loaderWith(lists);
  const result = await verifyCredential({credential, suite, documentLoader, checkStatus, ...(now && {now})});
  return judgement(result, result.statusResult);
}

async function check({credential, lists}) {
  const result = await checkStatus({credential, suite, documentLoader: loaderWith(lists)});
  return judgement(result, result);
}

async function verifyList({list}) {
  return judgement(await verifyCredential({credential: list, suite, documentLoader: loaderWith()}));
}

// Securing Verifiable Credentials using JOSE and COSE, sections 3.1 and 3.3.
async function open({url, method}) {
  const {payload, header} = await opened(url, method);
  return {verified: true, errors: [], document: parsed(payload), header};
}

async function opened(url, method) {
  const [, type, base64, content] = /^data:([^;,]+)(;base64)?,(.*)$/s.exec(url);
  const {publicKeyMultibase} = await document(method, {});
  const multikey = multikeys[publicKeyMultibase.slice(0, 4)];
  const keyPair = await multikey.from({type: 'Multikey', id: method, controller: method.split('#')[0], publicKeyMultibase});
  const key = await importJWK(await multikey.toJwk({keyPair}), algorithm(publicKeyMultibase));
  if(type.endsWith('+jwt')) {
    const {payload, protectedHeader} = await compactVerify(content, key);
    return {content, payload, header: protectedHeader};
  }
  const message = Sign1.decode(Buffer.from(content, base64 ? 'base64' : 'utf8'));
  await message.verify(key);
  return {payload: message.payload, header: Object.fromEntries(message.protectedHeaders.entries())};
}

// Token Status List, sections 5 and 8.3.
async function tokenList({url, method, indices}) {
  const {content, payload, header} = await opened(url, method);
  const claims = content ? parsed(payload) : decodeCbor(payload);
  const list = content ? getListFromStatusListJWT(content) : unpacked(claims[65533]);
  return {
    verified: true,
    errors: [],
    claims: content ? claims : {...claims, 65533: Object.keys(claims[65533]).sort()},
    header,
    statuses: indices.map(index => list.getStatus(index)),
  };
}

function unpacked({bits, lst}) {
  return StatusList.decompressStatusList(Buffer.from(lst).toString('base64url'), bits);
}

function tokenEntry({jwt}) {
  return getStatusListFromJWT(jwt);
}

function algorithm(publicKeyMultibase) {
  return {z6Mk: 'EdDSA', zDna: 'ES256', z82L: 'ES384'}[publicKeyMultibase.slice(0, 4)];
}

function parsed(bytes) {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

async function load({url}) {
  return {document: await document(url, {})};
}

function judgement({verified, error}, statusResult) {
  const statuses = (statusResult?.results ?? []).map(({credentialStatus, status}) =>
    [credentialStatus.statusPurpose, status]);
  return {
    verified,
    errors: [error, statusResult?.error].flatMap(sentences),
    statuses: Object.fromEntries(statuses),
  };
}

function sentences(error) {
  return error ? [error.message, ...(error.errors ?? []).flatMap(sentences)] : [];
}

const commands = {configure, verifyCredential: verify, checkStatus: check, verifyList, open, tokenList, tokenEntry, load};

for await (const line of createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await commands[request.command](request);
  } catch(error) {
    answer = {verified: false, errors: sentences(error)};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
