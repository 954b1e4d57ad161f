export { entriesOf, oneEntry, refuseSomeTemplates } from "../manifest/ref";
export { sortedEntries } from "../manifest/sorted-entries";
