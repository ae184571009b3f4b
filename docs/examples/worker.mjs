// SPDX-License-Identifier: MIT
// worker - how a worker in Node uses bearerd: it prints the open appointments of a department.
//
//     node docs/examples/worker.mjs DEPARTMENT
import {setTimeout as sleep} from 'node:timers/promises';
import {Bearer, BearerError} from '../../client/node/bearer.js';

const API = process.env.API_URL ?? 'https://api.platform.athenahealth.com';
const tokens = new Bearer();

async function openAppointments(department) {
  const {practiceId} = await tokens.get();
  // With the token; after a 401 it is renewed and the request sent again, once.
  const response = await tokens.fetch(
    `${API}/v1/${practiceId}/appointments/open?departmentid=${department}&reasonid=-1`,
    {signal: AbortSignal.timeout(30000)});
  return {status: response.status, body: await response.text()};
}

for (;;) {
  try {
    const {status, body} = await openAppointments(process.argv[2]);
    console.log(`the API answered ${status}: ${body}`);
    process.exitCode = status === 200 ? 0 : 1;
    break;
  } catch (error) {
    if (!(error instanceof BearerError))
      throw error;
    console.error(`worker: no token: ${error.message}`);
    if (!error.isPassing) {
      process.exitCode = 1;
      break;
    }
    await sleep(1000 * (error.retryAfter ?? 5));
  }
}
