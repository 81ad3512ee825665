import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { MAX_BODY_BYTES } from './http-exchange.js';

/** A body after its content coding was undone. */
export interface DecodedBody {
  readonly text: string;
  /** False: cut at the size limit, or not decodable to its end; `text` is what could be had. */
  readonly complete: boolean;
}

/**
 * Undoes the content coding of a body (RFC 9110 §8.4) up to 1 MiB, however small it was on the wire,
 * and reads it as UTF-8. A cut body is read as far as it goes, because a refresh token may be in it.
 */
export async function decodeBody(
  body: Buffer,
  contentEncoding: string | undefined,
): Promise<DecodedBody> {
  const codings = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity')
    .reverse();
  let bytes = body;
  let complete = true;
  if (codings.length > 2) return { text: '', complete: false };
  for (const coding of codings) {
    const decoder = decoderOf(coding, bytes);
    if (decoder === undefined) return { text: '', complete: false };
    const decoded = await decompress(decoder, bytes);
    bytes = decoded.bytes;
    complete &&= decoded.complete;
  }
  return { text: new TextDecoder().decode(bytes), complete };
}

function decoderOf(coding: string, bytes: Buffer): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'deflate': {
      // Some servers leave out the zlib header that the coding has (RFC 9110 §8.4.1.2).
      const hasHeader = ((bytes[0] ?? 0) & 0x0f) === 8;
      return hasHeader ? createInflate() : createInflateRaw();
    }
    default:
      return undefined;
  }
}

/** Reads by events: an iterator would drop what was decoded before the input turned out to be cut. */
async function decompress(
  decoder: Transform,
  bytes: Buffer,
): Promise<{ bytes: Buffer; complete: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const complete = await new Promise<boolean>((resolve) => {
    decoder.on('data', (chunk: Buffer) => {
      const room = MAX_BODY_BYTES - size;
      chunks.push(chunk.subarray(0, room));
      size += Math.min(chunk.length, room);
      if (chunk.length <= room) return;
      resolve(false);
      decoder.destroy();
    });
    decoder.on('end', () => resolve(true));
    decoder.on('error', () => resolve(false));
    decoder.end(bytes);
  });
  return { bytes: Buffer.concat(chunks), complete };
}
