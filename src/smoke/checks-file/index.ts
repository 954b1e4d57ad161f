export { askedPorts, fileChecks, neededDevices, neededTexts } from "./file-checks";
export { readChecksFile, type ChecksFile } from "./parse";
