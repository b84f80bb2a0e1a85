// A SharedWorker: one stream for all windows of this browser, each of which verifies for itself.

import { StreamHub } from "./hub.js";

// Windows say every few seconds that they are there, while they are seen.
const PATIENCE = 20_000;
const LOOK = 5000;

const hub = new StreamHub();

self.onconnect = ({ ports: [port] }) => {
  const subscriber = hub.subscribe((message) => port.postMessage(message));
  port.onmessage = ({ data }) => subscriber.take(data);
};

setInterval(() => hub.forgetSilent(PATIENCE), LOOK);
