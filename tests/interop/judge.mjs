// A judge of what the registry publishes: verifiers that others wrote, behind JSON lines.
//
// One request a line on stdin, one answer a line on stdout, in order:
//   {"command": "configure", "origin", "door", "contexts": {url: file}} → {}
//   {"command": "verifyCredential", "credential", "now"?, "lists"?}   → {verified, errors, statuses}
//   {"command": "checkStatus", "credential", "lists"?}                → {verified, errors, statuses}
//   {"command": "verifyList", "list"}                                 → {verified, errors}
//   {"command": "load", "url"}                                        → {document} or {errors}
// `statuses` maps a purpose to its bit. `lists` maps a list's address to a document that is served instead of the
// published one. Everything else at `origin` is fetched over HTTP at `door`, the address behind that name; nothing
// else is fetched from anywhere. did:web is resolved likewise.
import {readFileSync} from 'node:fs';
import {request as ask} from 'node:http';
import {createInterface} from 'node:readline';
import {contexts as securityContexts} from '@digitalbazaar/security-context';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver as didKeyDriver} from '@digitalbazaar/did-method-key';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {verifyCredential} from '@digitalbazaar/vc';

const ACCEPT = 'application/ld+json, application/json';

const didKey = didKeyDriver();
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});

// The libraries' own copies win over the files that the tests name.
const known = new Map([...securityContexts, ...credentialsContexts]);
const suite = new DataIntegrityProof({cryptosuite});
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

const commands = {configure, verifyCredential: verify, checkStatus: check, verifyList, load};

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
