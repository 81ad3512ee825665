import fs from 'node:fs';
import { TransportError } from '@temporalio/worker';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { failure } from '../src/failures.js';
import { createLogger, temporalLogger } from '../src/logging.js';
import { registerSecret } from '../src/known-secrets.js';
import { Secret } from '../src/secret.js';
import { StoreError } from '../src/store/index.js';
import { foreignErrors, MARK, PLANTED } from './foreign-errors.js';

const foreign = await foreignErrors();

afterEach(() => vi.restoreAllMocks());

/** What is written on standard error. */
function written(write: (logger: ReturnType<typeof temporalLogger>) => unknown): string {
  const lines: string[] = [];
  vi.spyOn(fs, 'writeSync').mockImplementation((to: number, text: string) => {
    expect(to).toBe(2);
    lines.push(text);
    return Buffer.byteLength(text);
  });
  write(temporalLogger(createLogger('info')));
  return lines.join('');
}

const lineOf = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('a log line', () => {
  it('is JSON on standard error with time, level and message', () => {
    const text = written((logger) => logger.info('Token issued', { connectionId: 'superservice' }));
    expect(lineOf(text)).toMatchObject({
      level: 'info',
      msg: 'Token issued',
      connectionId: 'superservice',
      pid: process.pid,
    });
    expect(lineOf(text)['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('is not written below the level', () => {
    expect(written((logger) => logger.debug('x'))).toBe('');
  });

  it.each(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const)(
    "of the SDK's level %s keeps its level",
    (level) => {
      const text = written((logger) => logger.log(level, 'x'));
      if (level === 'TRACE' || level === 'DEBUG') expect(text).toBe('');
      else expect(lineOf(text)['level']).toBe(level.toLowerCase());
    },
  );
});

describe('a secret', () => {
  const secret = new Secret(PLANTED);

  it('is redacted, and the line survives', () => {
    const text = written((logger) => logger.info('x', { token: secret, generation: 3 }));
    expect(lineOf(text)).toMatchObject({ token: '[redacted]', generation: 3, msg: 'x' });
  });

  it('deep inside does not get out either, and the line survives', () => {
    const text = written((logger) => logger.info('x', { deep: { list: [secret] } }));
    expect(text).not.toContain(MARK);
    expect(lineOf(text)['msg']).toBe('x');
  });
});

describe('a text in a log line', () => {
  const KNOWN = 'known-secret-0a1b2c3d4e';
  registerSecret(KNOWN);
  const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl';

  it.each([
    ['a message', `refused: ${KNOWN}`, {}],
    ['a field', 'x', { about: `https://api.example/?token=${KNOWN}` }],
    ['deep inside', 'x', { about: { list: [{ token: KNOWN }] } }],
    ['a name', 'x', { [KNOWN]: 1 }],
    ['an error of ours', 'x', { error: new StoreError('unavailable', `No ${KNOWN}.`) }],
    ['base64', 'x', { authorization: btoa(`client:${KNOWN}`) }],
    ['the shape of a token', `Bearer ${JWT}`, {}],
    ['a member named like one', 'x', { refresh_token: '0f8fad5bd9cb' }],
  ])('is [redacted] where it is a secret: %s', (_where, message, fields) => {
    const text = written((logger) => logger.info(message, fields));
    for (const secret of [KNOWN, btoa(`client:${KNOWN}`), JWT, '0f8fad5bd9cb']) {
      expect(text).not.toContain(secret);
    }
    expect(text).toContain('[redacted]');
    expect(lineOf(text)).toMatchObject({ level: 'info', pid: process.pid });
    expect(text.endsWith('\n')).toBe(true);
  });
});

describe('an error', () => {
  it.each(foreign)('of somebody else keeps class and place only: %s', (_title, error) => {
    for (const name of ['error', 'err', 'reason', 'cause']) {
      const text = written((logger) => logger.error('Activity failed', { [name]: error }));
      if (!(error instanceof Error) && name !== 'error' && name !== 'err') continue;
      expect(text).not.toContain(MARK);
      expect(lineOf(text)['msg']).toBe('Activity failed');
    }
  });

  it('inside another object keeps its words to itself', () => {
    for (const [, error] of foreign.filter(([, thrown]) => thrown instanceof Error)) {
      const text = written((logger) => logger.warn('x', { about: { error, list: [error] } }));
      expect(text).not.toContain(MARK);
    }
  });

  it('of ours says what it has to say', () => {
    const error = new StoreError('unavailable', 'MongoDB could not read.');
    const text = written((logger) => logger.warn('x', { error }));
    expect(lineOf(text)).toMatchObject({
      error: { name: 'StoreError', message: 'MongoDB could not read.' },
    });
  });

  it('that is a failure of the table says its type', () => {
    const error = failure('OAuth.rate_limited', { connectionId: 'superservice' });
    expect(lineOf(written((logger) => logger.warn('x', { error })))).toMatchObject({
      error: { type: 'OAuth.rate_limited', message: error.message },
    });
  });

  it("of the SDK's own says which server it could not reach", () => {
    const error = new TransportError('tcp connect error: 127.0.0.1:7233');
    expect(written((logger) => logger.error('x', { error }))).toContain('127.0.0.1:7233');
  });
});
