// Signs what the registry must be able to verify, with libraries that others wrote; and judges older proofs.
//
// One request a line on stdin, one answer a line on stdout, in order:
//   {"command": "configure", "contexts": {url: file}}                        → {}
//   {"command": "prove", "document", "cryptosuites": [[name, algorithm]]}    → {document} with a proof by each
//   {"command": "envelop", "payload", "form", "algorithm"}                   → {content, jwk}: text, or base64 of COSE
//   {"command": "accepts2020", "document"}                                   → {verified, errors} of Ed25519Signature2020
// Keys are made for each request; those of proofs are did:key, those of envelopes come back as a JWK.
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {contexts as securityContexts} from '@digitalbazaar/security-context';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {createSignCryptosuite as createEcdsaJcs} from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {createSignCryptosuite as createEddsaJcs} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver as didKeyDriver} from '@digitalbazaar/did-method-key';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {Ed25519Signature2020} from '@digitalbazaar/ed25519-signature-2020';
import {Algorithms, Headers, Sign1} from '@auth0/cose';
import {CompactSign, exportJWK, generateKeyPair} from 'jose';
import jsigs from 'jsonld-signatures';

const {purposes: {AssertionProofPurpose}} = jsigs;
const cryptosuites = {
  'eddsa-rdfc-2022': () => eddsaRdfc,
  'eddsa-jcs-2022': createEddsaJcs,
  'ecdsa-rdfc-2019': () => ecdsaRdfc,
  'ecdsa-jcs-2019': createEcdsaJcs,
};
const didKey = didKeyDriver();
for(const [multibaseMultikeyHeader, {from}] of [['z6Mk', Ed25519Multikey], ['zDna', EcdsaMultikey], ['z82L', EcdsaMultikey]]) {
  didKey.use({multibaseMultikeyHeader, fromMultibase: from});
}
const known = new Map([...securityContexts, ...credentialsContexts]);

async function documentLoader(url) {
  if(known.has(url)) {
    return {contextUrl: null, documentUrl: url, document: known.get(url)};
  }
  if(url.startsWith('did:key:')) {
    return {contextUrl: null, documentUrl: url, document: await didKey.get({url})};
  }
  throw new Error(`The signer may not load ${url}.`);
}

function configure({contexts}) {
  for(const [url, file] of Object.entries(contexts)) {
    if(!known.has(url)) {
      known.set(url, JSON.parse(readFileSync(file, 'utf8')));
    }
  }
  return {};
}

async function prove({document, cryptosuites: chosen}) {
  for(const [name, algorithm] of chosen) {
    const suite = await suiteOf(name, await keyPairOf(algorithm));
    document = await jsigs.sign(document, {suite, purpose: new AssertionProofPurpose(), documentLoader});
  }
  return {document};
}

async function suiteOf(name, keyPair) {
  if(name === 'Ed25519Signature2020') {
    return new Ed25519Signature2020({key: keyPair});
  }
  return new DataIntegrityProof({signer: keyPair.signer(), cryptosuite: cryptosuites[name]()});
}

async function keyPairOf(algorithm) {
  const keyPair = algorithm === 'Ed25519' ?
    await Ed25519Multikey.generate() : await EcdsaMultikey.generate({curve: algorithm});
  const multikey = (await keyPair.export({publicKey: true})).publicKeyMultibase;
  keyPair.controller = `did:key:${multikey}`;
  keyPair.id = `${keyPair.controller}#${multikey}`;
  return keyPair;
}

async function envelop({payload, form, algorithm}) {
  const {publicKey, privateKey} = await generateKeyPair(algorithm, {extractable: true});
  const bytes = new TextEncoder().encode(payload);
  const jwk = await exportJWK(publicKey);
  if(form.endsWith('jwt')) {
    const header = {alg: algorithm, typ: form, kid: 'did:web:other.example#1'};
    return {content: await new CompactSign(bytes).setProtectedHeader(header).sign(privateKey), jwk};
  }
  const header = [
    [Headers.Algorithm, Algorithms[algorithm]],
    [Headers.KeyID, new TextEncoder().encode('did:web:other.example#1')],
    [16, `application/${form}`],
  ];
  const message = await Sign1.sign(header, [], bytes, privateKey);
  return {content: Buffer.from(message.encode()).toString('base64'), jwk};
}

async function accepts2020({document}) {
  const {verified, error} = await jsigs.verify(document, {
    suite: new Ed25519Signature2020(), purpose: new AssertionProofPurpose(), documentLoader
  });
  return {verified, errors: [error, ...(error?.errors ?? [])].filter(one => one).map(({message}) => message)};
}

const commands = {configure, prove, envelop, accepts2020};

for await (const line of createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await commands[request.command](request);
  } catch(error) {
    answer = {verified: false, errors: [error.message]};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
