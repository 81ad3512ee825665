import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listenOnLoopback } from '../../dev/system/loopback-server.js';

/** One request as it arrived. */
export interface Recorded {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

type Answer = (request: Recorded, response: ServerResponse) => void | Promise<void>;

/** A server on loopback that keeps every request it gets. */
export interface RecordingServer {
  origin: string;
  received: Recorded[];
  /** What answers; may be replaced at any time. */
  answer: Answer;
  /** Requests whose path starts with a text. */
  receivedAt(path: string): Recorded[];
  stop: () => Promise<void>;
}

/** Starts a server that records whole requests and answers them with `answer`. */
export async function startRecordingServer(answer: Answer): Promise<RecordingServer> {
  const server = await listenOnLoopback();
  const received: Recorded[] = [];
  const recording: RecordingServer = {
    origin: server.origin,
    received,
    answer,
    receivedAt: (path) => received.filter((request) => request.path.startsWith(path)),
    stop: server.stop,
  };
  server.answerWith((request, response) => {
    void (async () => {
      const { method = '', url: path = '/', headers } = request;
      const recorded = { method, path, headers, body: await buffer(request) };
      received.push(recorded);
      await recording.answer(recorded, response);
    })().catch(() => response.destroy());
  });
  return recording;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
