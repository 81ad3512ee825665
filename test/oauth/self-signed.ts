import { createSign, generateKeyPairSync } from 'node:crypto';

/** A key and a self-signed certificate, in PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

const DAY_MS = 86_400_000;

/** Makes a certificate authority's certificate for some host names that signs itself. */
export function selfSigned(...hostnames: string[]): SelfSigned {
  return selfSignedUntil(Date.now() + DAY_MS, ...hostnames);
}

/** The same, valid for two days until some time. */
export function selfSignedUntil(notAfter: number, ...hostnames: string[]): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId('2a8648ce3d040302'));
  const name = sequence(
    set(sequence(objectId('550403'), der(0x0c, Buffer.from('temporal-oauth-tokens test')))),
  );
  const subjectAltName = sequence(...hostnames.map((hostname) => der(0x82, Buffer.from(hostname))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    sequence(utcTime(notAfter - 2 * DAY_MS), utcTime(notAfter)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(
      0xa3,
      sequence(
        extension('551d11', subjectAltName),
        extension('551d13', sequence(der(0x01, Buffer.from([0xff])))),
      ),
    ),
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const cert = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 128
      ? [length]
      : length < 256
        ? [0x81, length]
        : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function set(...parts: Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), der(0x04, value));
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}
