import { z } from 'zod';
import { connectUrlProblem } from '../contract/connect-url.js';

/** Where the connect page is, and what opens its overview. */
export interface ConnectConfig {
  /** Public base URL; null: on this machine. */
  url: string | null;
  /** What an operator signs in with; null: there is no overview. */
  token: string | null;
}

const SHORTEST_TOKEN = 24;

/** The variables about the connect page. */
export const connectVariables = {
  OAUTH_TOKENS_CONNECT_URL: z
    .string()
    .superRefine((text, context) => {
      const problem = connectUrlProblem(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .optional(),
  OAUTH_TOKENS_CONNECT_TOKEN: z
    .string()
    .min(SHORTEST_TOKEN, `is too easy to guess: give at least ${SHORTEST_TOKEN} random characters`)
    .optional(),
};

type ConnectData = z.output<z.ZodObject<typeof connectVariables>>;

/** The part of the configuration that is about the connect page. */
export function connectConfigOf(data: ConnectData): ConnectConfig {
  return {
    url: data.OAUTH_TOKENS_CONNECT_URL ?? null,
    token: data.OAUTH_TOKENS_CONNECT_TOKEN ?? null,
  };
}
