import type { ShownToPerson } from '../contract/consent-messages.js';
import { consentDetails } from './consent-details.js';

/** What a person reads about a consent that is waited for in the Temporal UI (markdown). */
export function redemptionDetails(person: ShownToPerson): string {
  const phase = person.userCode === null ? 'waiting' : 'device';
  return consentDetails({ ...person, connectionId: '', phase, deadline: null });
}
