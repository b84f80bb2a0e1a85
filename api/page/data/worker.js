// A SharedWorker with one stream for all windows of this browser. Each window verifies its books.

import { StreamHub } from "./hub.js";

// Visible windows send a sign of life every few seconds.
const PATIENCE = 20_000;
const LOOK = 5000;

const hub = new StreamHub();

self.onconnect = ({ ports: [port] }) => {
  const subscriber = hub.subscribe((message) => port.postMessage(message));
  port.onmessage = ({ data }) => subscriber.take(data);
};

setInterval(() => hub.forgetSilent(PATIENCE), LOOK);
