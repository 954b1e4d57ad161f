export { askedPorts, fileChecks, neededDevices } from "./file-checks";
export { readChecksFile, type ChecksFile } from "./parse";
