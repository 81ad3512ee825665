import { z } from 'zod';
import { EXPIRY_NOTICE_DAYS } from '../contract/events.js';

/** Who is told of what happens to connections. */
export interface EventsConfig {
  webhook?: { url: string; secretFile: string };
  activity?: { name: string; taskQueue: string };
  expiryNoticeDays: readonly number[];
}

const LONGEST_NOTICE_DAYS = 365;
const noticeRule = `must be whole numbers of days from 1 to ${LONGEST_NOTICE_DAYS} with commas between them`;

/** The variables about events. */
export const eventsVariables = {
  OAUTH_TOKENS_WEBHOOK_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional(),
  OAUTH_TOKENS_WEBHOOK_SECRET_FILE: z.string().min(1, 'is empty: give a path').optional(),
  OAUTH_TOKENS_EVENT_ACTIVITY: z.string().min(1, 'is empty: give a name').optional(),
  OAUTH_TOKENS_EVENT_TASK_QUEUE: z.string().min(1, 'is empty: give a name').optional(),
  OAUTH_TOKENS_EXPIRY_NOTICE_DAYS: z
    .string()
    .regex(/^\s*\d{1,3}\s*(,\s*\d{1,3}\s*)*$/, noticeRule)
    .transform((text) => text.split(',').map(Number))
    .refine((days) => days.every((n) => n >= 1 && n <= LONGEST_NOTICE_DAYS), noticeRule)
    .optional(),
};

type EventsData = z.output<z.ZodObject<typeof eventsVariables>>;

/** What is said without what belongs to it. */
export function eventsProblems(
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const belongs = (name: string, other: string, what: string): string[] =>
    environment[name] !== undefined && environment[other] === undefined
      ? [`${other} is not set: give ${what}, because ${name} is set`]
      : [];
  const [url, file] = ['OAUTH_TOKENS_WEBHOOK_URL', 'OAUTH_TOKENS_WEBHOOK_SECRET_FILE'];
  const [activity, queue] = ['OAUTH_TOKENS_EVENT_ACTIVITY', 'OAUTH_TOKENS_EVENT_TASK_QUEUE'];
  return [
    ...belongs(url, file, 'the path of a file with the secret that webhooks are signed with'),
    ...belongs(file, url, 'the URL that events are posted to'),
    ...belongs(activity, queue, 'the task queue of the activity'),
    ...belongs(queue, activity, 'the name of the activity'),
  ];
}

/** The part of the configuration that is about events; null: nobody is told. */
export function eventsConfigOf(data: EventsData): EventsConfig | null {
  const url = data.OAUTH_TOKENS_WEBHOOK_URL;
  const secretFile = data.OAUTH_TOKENS_WEBHOOK_SECRET_FILE;
  const name = data.OAUTH_TOKENS_EVENT_ACTIVITY;
  const taskQueue = data.OAUTH_TOKENS_EVENT_TASK_QUEUE;
  if (url === undefined && name === undefined) return null;
  return {
    ...(url === undefined || secretFile === undefined ? {} : { webhook: { url, secretFile } }),
    ...(name === undefined || taskQueue === undefined ? {} : { activity: { name, taskQueue } }),
    expiryNoticeDays: data.OAUTH_TOKENS_EXPIRY_NOTICE_DAYS ?? EXPIRY_NOTICE_DAYS,
  };
}
