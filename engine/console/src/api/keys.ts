/**
 * A personal key in the browser (SIG-2, strengthened form): Ed25519 by WebCrypto. The private key
 * cannot be read out by any script; it lies in this browser's own store and nowhere else.
 */

const STORE = 'keys';

export interface PersonalKey {
  user: string;
  /** 32 bytes, hex. */
  publicKey: string;
  privateKey: CryptoKey;
}

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const pairs = text.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs.map((pair) => Number.parseInt(pair, 16)));
}

export function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/** Signs a digest (hex); the signature in base64. */
export async function signDigest(key: CryptoKey, digest: string): Promise<string> {
  return base64(await crypto.subtle.sign('Ed25519', key, bytesOf(digest)));
}

/** The proof that one has the secret half of a key: its signature of the user's name and itself. */
export async function prove(key: PersonalKey): Promise<string> {
  const text = `tamga personal key v1\n${key.user}\n${key.publicKey}`;
  return base64(await crypto.subtle.sign('Ed25519', key.privateKey, new TextEncoder().encode(text)));
}

/** A new key pair; the private half can only sign, never leave. */
export async function generate(user: string): Promise<PersonalKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const both = pair as CryptoKeyPair;
  const publicKey = hex(await crypto.subtle.exportKey('raw', both.publicKey));
  return { user, publicKey, privateKey: both.privateKey };
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open('tamga', 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: 'user' });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('indexedDB'));
  });
}

function run<T>(mode: IDBTransactionMode, ask: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return open().then(
    (database) =>
      new Promise((resolve, reject) => {
        const asked = ask(database.transaction(STORE, mode).objectStore(STORE));
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = () => reject(asked.error ?? new Error('indexedDB'));
      }),
  );
}

export async function keep(key: PersonalKey): Promise<void> {
  await run('readwrite', (store) => store.put(key));
}

export async function kept(user: string): Promise<PersonalKey | undefined> {
  return (await run<unknown>('readonly', (store) => store.get(user))) as PersonalKey | undefined;
}

export async function drop(user: string): Promise<void> {
  await run('readwrite', (store) => store.delete(user));
}
