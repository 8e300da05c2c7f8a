/** All layers that have a name, by it: what `layerFrom` reads, and tests go through. A new one is a line here. */
export { activationSchema as activation } from "./activation.ts";
export { activityRegularizationSchema as activityRegularization } from "./activity-regularization.ts";
export { adaptiveAveragePooling1dSchema as adaptiveAveragePooling1d, adaptiveAveragePooling2dSchema as adaptiveAveragePooling2d, adaptiveAveragePooling3dSchema as adaptiveAveragePooling3d, adaptiveMaxPooling1dSchema as adaptiveMaxPooling1d, adaptiveMaxPooling2dSchema as adaptiveMaxPooling2d, adaptiveMaxPooling3dSchema as adaptiveMaxPooling3d } from "./adaptive-pooling.ts"; // biome-ignore format: names
export { additiveAttentionSchema as additiveAttention, attentionSchema as attention } from "./attention/attention.ts";
export { groupQueryAttentionSchema as groupQueryAttention, multiHeadAttentionSchema as multiHeadAttention } from "./attention/multi-head.ts"; // biome-ignore format: names
export { cropping1dSchema as cropping1d, cropping2dSchema as cropping2d, cropping3dSchema as cropping3d, zeroPadding1dSchema as zeroPadding1d, zeroPadding2dSchema as zeroPadding2d, zeroPadding3dSchema as zeroPadding3d } from "./borders.ts"; // biome-ignore format: names
export { conv1dSchema as conv1d, conv1dTransposeSchema as conv1dTranspose, conv2dSchema as conv2d, conv2dTransposeSchema as conv2dTranspose, conv3dSchema as conv3d, conv3dTransposeSchema as conv3dTranspose } from "./conv.ts"; // biome-ignore format: names
export { denseSchema as dense } from "./dense.ts";
export { depthwiseConv1dSchema as depthwiseConv1d, depthwiseConv2dSchema as depthwiseConv2d, separableConv1dSchema as separableConv1d, separableConv2dSchema as separableConv2d } from "./depthwise-conv.ts"; // biome-ignore format: names
export { dotSchema as dot } from "./dot.ts";
export { dropoutSchema as dropout } from "./dropout.ts";
export { einsumDenseSchema as einsumDense } from "./einsum-dense.ts";
export { embeddingSchema as embedding } from "./embedding.ts";
export {
  categoryEncodingSchema as categoryEncoding,
  discretizationSchema as discretization,
  integerLookupSchema as integerLookup,
} from "./encoding.ts";
export { flattenSchema as flatten } from "./flatten.ts";
export { globalAveragePooling1dSchema as globalAveragePooling1d, globalAveragePooling2dSchema as globalAveragePooling2d, globalAveragePooling3dSchema as globalAveragePooling3d, globalMaxPooling1dSchema as globalMaxPooling1d, globalMaxPooling2dSchema as globalMaxPooling2d, globalMaxPooling3dSchema as globalMaxPooling3d } from "./global-pooling.ts"; // biome-ignore format: names
export { maskingSchema as masking } from "./masking.ts";
export { addSchema as add, averageSchema as average, concatenateSchema as concatenate, maximumSchema as maximum, minimumSchema as minimum, multiplySchema as multiply, subtractSchema as subtract } from "./merging.ts"; // biome-ignore format: names
export {
  alphaDropoutSchema as alphaDropout,
  gaussianDropoutSchema as gaussianDropout,
  gaussianNoiseSchema as gaussianNoise,
  spatialDropout1dSchema as spatialDropout1d,
  spatialDropout2dSchema as spatialDropout2d,
  spatialDropout3dSchema as spatialDropout3d,
} from "./noise.ts";
export { batchNormalizationSchema as batchNormalization } from "./norms/batch-normalization.ts";
export { groupNormalizationSchema as groupNormalization } from "./norms/group-normalization.ts";
export {
  layerNormalizationSchema as layerNormalization,
  rmsNormalizationSchema as rmsNormalization,
  unitNormalizationSchema as unitNormalization,
} from "./norms/layer-normalization.ts";
export { normalizationSchema as normalization } from "./norms/normalization.ts";
export { spectralNormalizationSchema as spectralNormalization } from "./norms/spectral-normalization.ts";
export { averagePooling1dSchema as averagePooling1d, averagePooling2dSchema as averagePooling2d, averagePooling3dSchema as averagePooling3d, maxPooling1dSchema as maxPooling1d, maxPooling2dSchema as maxPooling2d, maxPooling3dSchema as maxPooling3d } from "./pooling.ts"; // biome-ignore format: names
export { randomBrightnessSchema as randomBrightness, randomContrastSchema as randomContrast } from "./random-colors.ts";
export { randomCropSchema as randomCrop, randomFlipSchema as randomFlip, randomRotationSchema as randomRotation, randomTranslationSchema as randomTranslation, randomZoomSchema as randomZoom } from "./random-images.ts"; // biome-ignore format: names
export {
  eluSchema as elu,
  leakyReluSchema as leakyRelu,
  preluSchema as prelu,
  reluSchema as relu,
  softmaxSchema as softmax,
} from "./rectifiers.ts";
export { bidirectionalSchema as bidirectional } from "./recurrent/bidirectional.ts";
export { convLstm1dSchema as convLstm1d, convLstm2dSchema as convLstm2d, convLstm3dSchema as convLstm3d } from "./recurrent/conv-lstm.ts"; // biome-ignore format: names
export { gruCellSchema as gruCell, gruSchema as gru } from "./recurrent/gru.ts";
export { lstmCellSchema as lstmCell, lstmSchema as lstm } from "./recurrent/lstm.ts";
export { rnnSchema as rnn, stackedRnnCellsSchema as stackedRnnCells } from "./recurrent/rnn.ts";
export { simpleRnnCellSchema as simpleRnnCell, simpleRnnSchema as simpleRnn } from "./recurrent/simple-rnn.ts";
export { rescalingSchema as rescaling } from "./rescaling.ts";
export { centerCropSchema as centerCrop, resizingSchema as resizing } from "./resizing.ts";
export { sequentialSchema as sequential } from "./sequential.ts";
export { permuteSchema as permute, repeatVectorSchema as repeatVector, reshapeSchema as reshape } from "./shapes.ts";
export { timeDistributedSchema as timeDistributed } from "./time-distributed.ts";
export { upSampling1dSchema as upSampling1d, upSampling2dSchema as upSampling2d, upSampling3dSchema as upSampling3d } from "./up-sampling.ts"; // biome-ignore format: names
