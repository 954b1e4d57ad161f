export { checkDeployPossible, deployTemplate } from "./deploy";
export { verifyDeployment } from "./verify";
