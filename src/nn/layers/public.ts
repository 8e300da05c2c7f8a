/** `layers`: every layer under Keras's name in camelCase. A new one is a line here and in all.ts. */
export { activation } from "./activation.ts";
export { activityRegularization } from "./activity-regularization.ts";
export { adaptiveAveragePooling1d, adaptiveAveragePooling2d, adaptiveAveragePooling3d, adaptiveMaxPooling1d, adaptiveMaxPooling2d, adaptiveMaxPooling3d } from "./adaptive-pooling.ts"; // biome-ignore format: names
export { additiveAttention, attention } from "./attention/attention.ts";
export { groupQueryAttention, multiHeadAttention } from "./attention/multi-head.ts";
export { cropping1d, cropping2d, cropping3d, zeroPadding1d, zeroPadding2d, zeroPadding3d } from "./borders.ts"; // biome-ignore format: names
export { conv1d, conv1dTranspose, conv2d, conv2dTranspose, conv3d, conv3dTranspose } from "./conv.ts"; // biome-ignore format: names
export { dense } from "./dense.ts";
export { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } from "./depthwise-conv.ts"; // biome-ignore format: names
export { dot } from "./dot.ts";
export { dropout } from "./dropout.ts";
export { einsumDense } from "./einsum-dense.ts";
export { embedding } from "./embedding.ts";
export { categoryEncoding, discretization, integerLookup } from "./encoding.ts";
export { flatten } from "./flatten.ts";
export { globalAveragePooling1d, globalAveragePooling2d, globalAveragePooling3d, globalMaxPooling1d, globalMaxPooling2d, globalMaxPooling3d } from "./global-pooling.ts"; // biome-ignore format: names
export { masking } from "./masking.ts";
export { add, average, concatenate, maximum, minimum, multiply, subtract } from "./merging.ts"; // biome-ignore format: names
export {
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
  spatialDropout1d,
  spatialDropout2d,
  spatialDropout3d,
} from "./noise.ts";
export { batchNormalization } from "./norms/batch-normalization.ts";
export { groupNormalization } from "./norms/group-normalization.ts";
export { layerNormalization, rmsNormalization, unitNormalization } from "./norms/layer-normalization.ts";
export { normalization, normalizationOf } from "./norms/normalization.ts";
export { spectralNormalization } from "./norms/spectral-normalization.ts";
export { layer } from "./own.ts";
export { averagePooling1d, averagePooling2d, averagePooling3d, maxPooling1d, maxPooling2d, maxPooling3d } from "./pooling.ts"; // biome-ignore format: names
export { randomBrightness, randomContrast } from "./random-colors.ts";
export { randomCrop, randomFlip, randomRotation, randomTranslation, randomZoom } from "./random-images.ts"; // biome-ignore format: names
export { elu, leakyRelu, prelu, relu, softmax } from "./rectifiers.ts";
export { bidirectional } from "./recurrent/bidirectional.ts";
export { convLstm1d, convLstm2d, convLstm3d } from "./recurrent/conv-lstm.ts";
export { gru, gruCell } from "./recurrent/gru.ts";
export { lstm, lstmCell } from "./recurrent/lstm.ts";
export { rnn, stackedRnnCells } from "./recurrent/rnn.ts";
export { simpleRnn, simpleRnnCell } from "./recurrent/simple-rnn.ts";
export { rescaling } from "./rescaling.ts";
export { centerCrop, resizing } from "./resizing.ts";
export { sequential } from "./sequential.ts";
export { permute, repeatVector, reshape } from "./shapes.ts";
export { timeDistributed } from "./time-distributed.ts";
export { upSampling1d, upSampling2d, upSampling3d } from "./up-sampling.ts"; // biome-ignore format: names
