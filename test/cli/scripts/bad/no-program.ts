export default { inputs: [] };
