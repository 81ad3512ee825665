import { startMongodb, type MongodbServer } from '../../dev/servers/mongodb.js';
import { startTemporal, type TemporalServer } from '../../dev/servers/temporal.js';
import { createDeployment, type Deployment } from './deployment.js';
import { startEndpoints, type Endpoints } from './endpoints.js';

/** Real servers, and a token deployment on them. */
export interface World {
  temporal: TemporalServer;
  mongodb: MongodbServer;
  endpoints: Endpoints;
  deployment: Deployment;
  close(): Promise<void>;
}

/** Starts Temporal, mongod, the authorization server and the API; a token worker when it is asked for. */
export async function startWorld(progress: (line: string) => void): Promise<World> {
  const [temporal, mongodb, endpoints] = await Promise.all([
    startTemporal({ progress }),
    startMongodb({ progress }),
    startEndpoints(),
  ]);
  const deployment = await createDeployment({ temporal, mongodb, endpoints });
  return {
    ...{ temporal, mongodb, endpoints, deployment },
    async close() {
      await deployment.close();
      await endpoints.stop();
      await Promise.all([temporal.stop(), mongodb.stop()]);
    },
  };
}
