export { entriesOf, oneEntry, refuseSomeTemplates } from "../manifest/versions/ref";
export { sortedEntries } from "../manifest/versions/sorted-entries";
