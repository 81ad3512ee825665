import { isGrpcServiceError } from '@temporalio/client';

/** What a gRPC error of Temporal's means to people. */
export interface GrpcProblem {
  type: string;
  message: string;
  final: boolean;
}

const NO_ANSWER: GrpcProblem = {
  type: 'Token.unavailable',
  message: 'Temporal does not answer: check TEMPORAL_ADDRESS and its TLS.',
  final: false,
};

const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

/** The gRPC code behind an error of Temporal's client; null: it is another error. */
export function grpcCodeOf(error: unknown): number | null {
  let found: unknown = error;
  for (let depth = 0; depth < 8 && found instanceof Error; depth += 1) {
    if (isGrpcServiceError(found)) return found.code;
    found = found.cause;
  }
  return null;
}

/** Whether the time given to a request passed without an answer. */
export function isDeadline(error: unknown): boolean {
  return grpcCodeOf(error) === DEADLINE_EXCEEDED;
}

/** Whether Temporal was reached and does not let this client in. */
export function isRefusal(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code === PERMISSION_DENIED || code === UNAUTHENTICATED;
}

/** What to tell about an error of Temporal's client, in our words; null: it is another error. */
export function grpcProblem(error: unknown): GrpcProblem | null {
  const code = grpcCodeOf(error);
  if (error instanceof Error && error.name === 'TransportError') return NO_ANSWER;
  if (code === null) return null;
  if (code === NOT_FOUND) {
    const message = 'Temporal does not know the namespace: check TEMPORAL_NAMESPACE.';
    return { type: 'Environment.invalid', message, final: true };
  }
  if (isRefusal(error)) {
    const message =
      'Temporal refuses this client: check TEMPORAL_API_KEY or the TLS certificate, and the namespace.';
    return { type: 'Environment.invalid', message, final: true };
  }
  return NO_ANSWER;
}
