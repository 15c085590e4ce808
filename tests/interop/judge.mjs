// A judge of what the registry publishes: verifiers that others wrote, behind JSON lines.
//
// One request a line on stdin, one answer a line on stdout, in order:
//   {"command": "configure", "origin", "contexts": {address: file}}   → {}
//   {"command": "verifyCredential", "credential", "now"?, "lists"?}   → {verified, errors, statuses}
//   {"command": "checkStatus", "credential", "lists"?}                → {verified, errors, statuses}
//   {"command": "verifyList", "list"}                                 → {verified, errors}
//   {"command": "load", "url"}                                        → {document} or {errors}
// `statuses` maps a purpose to its bit. `lists` maps a list's address to a document that is served instead of the
// published one. Everything else at `origin` is fetched over HTTP; nothing else is fetched from anywhere.
import {readFileSync} from 'node:fs';
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

function configure(request) {
  origin = request.origin;
  for(const [address, file] of Object.entries(request.contexts)) {
    if(!known.has(address)) {
      known.set(address, JSON.parse(readFileSync(file, 'utf8')));
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
  if(origin !== null && url.startsWith(`${origin}/`)) {
    return published(url);
  }
  throw new Error(`The judge may not load ${url}.`);
}

async function published(url) {
  const response = await fetch(url, {headers: {accept: ACCEPT, 'cache-control': 'no-cache'}});
  if(!response.ok) {
    throw new Error(`${url} answers ${response.status}.`);
  }
  const type = response.headers.get('content-type');
  if(!type.includes('json')) {
    throw new Error(`${url} is of type ${type}.`);
  }
  return response.json();
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
