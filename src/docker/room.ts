export { engineStatus, openConnection as connectEngine, type Connection as Engine } from "./connection";
export { streamMessages, type StreamMessage } from "./json-stream";
export { readTrace } from "./trace";
