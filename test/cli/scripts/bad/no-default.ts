console.log("trains for minutes");
export const program = 1;
