/** The APIs of a scenario: one that tokens may be sent to, and one that must never see one. */
import { startRecordingServer, type Recorded } from '../../integration/recording-server.js';
import type { RotatingServer } from './rotating-server.js';

/** A call as an API saw it. */
export interface ApiCall {
  /** It came to the API of the connection. */
  allowedOrigin: boolean;
  scheme: string | null;
  token: 'live' | 'expired' | 'revoked' | 'unknown' | 'none';
  /** How long ago the token expired, in milliseconds; below 0: not yet. */
  expiredForMs?: number;
  at: number;
}

/** Both APIs, and what they saw. */
export interface ProtectedApi {
  origin: string;
  otherOrigin: string;
  calls: ApiCall[];
  /** Answered with 403 in place of 200. */
  forbids: boolean;
  stop(): Promise<void>;
}

/** Starts them. */
export async function startProtectedApi(server: RotatingServer): Promise<ProtectedApi> {
  const calls: ApiCall[] = [];
  const record = ({ headers }: Recorded, allowedOrigin: boolean): ApiCall['token'] => {
    const [scheme = null, given] = (headers.authorization ?? '').split(' ');
    const token = given === undefined ? 'none' : server.judge(given);
    calls.push({
      allowedOrigin,
      scheme: scheme === '' ? null : scheme,
      token,
      at: performance.now(),
      expiredForMs: given === undefined ? 0 : server.expiredForMs(given),
    });
    return token;
  };
  const api = await startRecordingServer((request, response) => {
    const live = record(request, true) === 'live';
    response.writeHead(live ? (protectedApi.forbids ? 403 : 200) : 401).end();
  });
  const other = await startRecordingServer((request, response) => {
    record(request, false);
    response.end();
  });
  const protectedApi: ProtectedApi = {
    ...{ origin: api.origin, otherOrigin: other.origin, calls, forbids: false },
    stop: async () => void (await Promise.all([api.stop(), other.stop()])),
  };
  return protectedApi;
}
