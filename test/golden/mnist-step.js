const fround = Math.fround;
const bits_f32 = new Float32Array(1);
const bits_i32 = new Int32Array(bits_f32.buffer);
const bits_u32 = new Uint32Array(bits_f32.buffer);
function f32_to_bits_u32(x) {
  bits_f32[0] = x;
  return bits_u32[0];
}
function bits_to_f32(x) {
  bits_i32[0] = x;
  return bits_f32[0];
}
// Truncates; saturates; NaN becomes 0.
function to_i32(x) {
  return x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0;
}
// To the nearest integer, halves to the even one; -0, NaN and infinities stay.
function round_even(x) {
  if (!(Math.abs(x) < 4503599627370496)) return x;
  return x < 0 || Object.is(x, -0) ? -(4503599627370496 - x - 4503599627370496) : x + 4503599627370496 - 4503599627370496;
}
const zero_cell = new Float64Array(2);
// max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
function relu(x) {
  zero_cell[1] = x;
  return zero_cell[+!(x <= 0)];
}
function k0_contract_max(image, model_w1, model_b1, t16) {
  for (let i_o = 0; i_o < 32; i_o++) {
    const at0 = i_o * 3136;
    const at4 = i_o * 2048;
    for (let j_o = 0; j_o < 256; j_o++) {
      let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0, acc_2_0 = 0, acc_2_1 = 0, acc_3_0 = 0, acc_3_1 = 0;
      const at2 = j_o * 2;
      for (let k = 0; k < 784; k++) {
        const at1 = at0 + k;
        const image_0 = image[at1];
        const at3 = at2 + k * 512;
        const model_w1_0 = model_w1[at3];
        acc_0_0 += image_0 * model_w1_0;
        const model_w1_1 = model_w1[at3 + 1];
        acc_0_1 += image_0 * model_w1_1;
        const image_1 = image[at1 + 784];
        acc_1_0 += image_1 * model_w1_0;
        acc_1_1 += image_1 * model_w1_1;
        const image_2 = image[at1 + 1568];
        acc_2_0 += image_2 * model_w1_0;
        acc_2_1 += image_2 * model_w1_1;
        const image_3 = image[at1 + 2352];
        acc_3_0 += image_3 * model_w1_0;
        acc_3_1 += image_3 * model_w1_1;
      }
      const v_0_0 = fround(acc_0_0);
      const v_2_0_0 = model_b1[at2];
      const v_3_0_0 = fround(v_0_0 + v_2_0_0);
      const v_4_0_0 = relu(v_3_0_0);
      const at5 = at4 + j_o * 2;
      t16[at5] = v_4_0_0;
      const v_0_1 = fround(acc_0_1);
      const v_2_0_1 = model_b1[at2 + 1];
      const v_3_0_1 = fround(v_0_1 + v_2_0_1);
      const v_4_0_1 = relu(v_3_0_1);
      t16[at5 + 1] = v_4_0_1;
      const v_1_0 = fround(acc_1_0);
      const v_3_1_0 = fround(v_1_0 + v_2_0_0);
      const v_4_1_0 = relu(v_3_1_0);
      t16[at5 + 512] = v_4_1_0;
      const v_1_1 = fround(acc_1_1);
      const v_3_1_1 = fround(v_1_1 + v_2_0_1);
      const v_4_1_1 = relu(v_3_1_1);
      t16[at5 + 513] = v_4_1_1;
      const v_2_0 = fround(acc_2_0);
      const v_3_2_0 = fround(v_2_0 + v_2_0_0);
      const v_4_2_0 = relu(v_3_2_0);
      t16[at5 + 1024] = v_4_2_0;
      const v_2_1 = fround(acc_2_1);
      const v_3_2_1 = fround(v_2_1 + v_2_0_1);
      const v_4_2_1 = relu(v_3_2_1);
      t16[at5 + 1025] = v_4_2_1;
      const v_3_0 = fround(acc_3_0);
      const v_3_3_0 = fround(v_3_0 + v_2_0_0);
      const v_4_3_0 = relu(v_3_3_0);
      t16[at5 + 1536] = v_4_3_0;
      const v_3_1 = fround(acc_3_1);
      const v_3_3_1 = fround(v_3_1 + v_2_0_1);
      const v_4_3_1 = relu(v_3_3_1);
      t16[at5 + 1537] = v_4_3_1;
    }
  }
}
function k1_contract_add(t16, model_w2, model_b2, t19) {
  for (let i_o = 0; i_o < 32; i_o++) {
    const at0 = i_o * 2048;
    const at4 = i_o * 40;
    for (let j_o = 0; j_o < 5; j_o++) {
      let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0, acc_2_0 = 0, acc_2_1 = 0, acc_3_0 = 0, acc_3_1 = 0;
      const at2 = j_o * 2;
      for (let k = 0; k < 512; k++) {
        const at1 = at0 + k;
        const t16_0 = t16[at1];
        const at3 = at2 + k * 10;
        const model_w2_0 = model_w2[at3];
        acc_0_0 += t16_0 * model_w2_0;
        const model_w2_1 = model_w2[at3 + 1];
        acc_0_1 += t16_0 * model_w2_1;
        const t16_1 = t16[at1 + 512];
        acc_1_0 += t16_1 * model_w2_0;
        acc_1_1 += t16_1 * model_w2_1;
        const t16_2 = t16[at1 + 1024];
        acc_2_0 += t16_2 * model_w2_0;
        acc_2_1 += t16_2 * model_w2_1;
        const t16_3 = t16[at1 + 1536];
        acc_3_0 += t16_3 * model_w2_0;
        acc_3_1 += t16_3 * model_w2_1;
      }
      const v_0_0 = fround(acc_0_0);
      const v_2_0_0 = model_b2[at2];
      const v_3_0_0 = fround(v_0_0 + v_2_0_0);
      const at5 = at4 + j_o * 2;
      t19[at5] = v_3_0_0;
      const v_0_1 = fround(acc_0_1);
      const v_2_0_1 = model_b2[at2 + 1];
      const v_3_0_1 = fround(v_0_1 + v_2_0_1);
      t19[at5 + 1] = v_3_0_1;
      const v_1_0 = fround(acc_1_0);
      const v_3_1_0 = fround(v_1_0 + v_2_0_0);
      t19[at5 + 10] = v_3_1_0;
      const v_1_1 = fround(acc_1_1);
      const v_3_1_1 = fround(v_1_1 + v_2_0_1);
      t19[at5 + 11] = v_3_1_1;
      const v_2_0 = fround(acc_2_0);
      const v_3_2_0 = fround(v_2_0 + v_2_0_0);
      t19[at5 + 20] = v_3_2_0;
      const v_2_1 = fround(acc_2_1);
      const v_3_2_1 = fround(v_2_1 + v_2_0_1);
      t19[at5 + 21] = v_3_2_1;
      const v_3_0 = fround(acc_3_0);
      const v_3_3_0 = fround(v_3_0 + v_2_0_0);
      t19[at5 + 30] = v_3_3_0;
      const v_3_1 = fround(acc_3_1);
      const v_3_3_1 = fround(v_3_1 + v_2_0_1);
      t19[at5 + 31] = v_3_3_1;
    }
  }
}
function k2_max_sum_maxwithindex_add(t19, label, t30, t37, t47) {
  for (let i = 0; i < 128; i++) {
    let acc = -Infinity;
    const at0 = i * 10;
    for (let c = 0; c < 10; c++) {
      const v = t19[at0 + c];
      acc = Math.max(acc, v);
    }
    const v_2 = acc;
    let acc_2 = 0;
    for (let c_2 = 0; c_2 < 10; c_2++) {
      const v_3 = t19[at0 + c_2];
      const v_4 = fround(v_3 - v_2);
      const x = v_4;
      const clamped = Math.max(Math.min(x, 89), -104);
      const steps = round_even(clamped * 1.4426950216293335);
      const n = to_i32(steps);
      const r = clamped - steps * 0.693145751953125 - n * 0.000001428606765330187;
      const y = 1 + (r + r * r * ((((0.0013819490559399128 * r + 0.008368690498173237) * r + 0.041668280959129333) * r + 0.1666652113199234) * r + 0.4999999403953552));
      const power = n << 23;
      const step = Math.max(Math.min(power, 671088640), -671088640);
      const exp = fround((f32_to_bits_u32(x) & 2147483647) >>> 0 > 2139095040 ? x : bits_to_f32(f32_to_bits_u32(y) + (step >>> 0) >>> 0) * bits_to_f32(((power - step | 0) + 1065353216 | 0) >>> 0));
      const v_5 = exp;
      acc_2 += v_5;
    }
    const v_6 = fround(acc_2);
    const x_1 = v_6;
    const bits = f32_to_bits_u32(x_1);
    const subnormal = bits < 8388608;
    const normal = subnormal ? f32_to_bits_u32(bits) : bits;
    const shifted = normal + 4913933 >>> 0;
    const k = ((shifted >>> 23 | 0) - 127 | 0) + (subnormal ? -149 : 0) | 0;
    const mantissa = bits_to_f32(((shifted & 8388607) >>> 0) + 1060439283 >>> 0);
    const f = mantissa - 1;
    const square = f * f;
    const cube = square * f * (((((((-0.07636439055204391 * f + 0.12762217223644257) * f + -0.13159610331058502) * f + 0.14201579988002777) * f + -0.166234090924263) * f + 0.2000124156475067) * f + -0.2500081956386566) * f + 0.3333333134651184);
    const small = 0.5 * square - (cube + k * 0.000001428606765330187);
    const y_1 = k * 0.693145751953125 + (f - small);
    const log = fround((bits & 2147483647) >>> 0 === 0 ? bits_to_f32((bits | 4286578688) >>> 0) : (bits >= 2139095040 ? (bits > 2139095040 ? bits_to_f32((bits | 2143289344) >>> 0) : x_1) : y_1));
    const v_7 = log;
    const v_8 = label[i];
    let acc_3 = 0;
    for (let c_3 = 0; c_3 < 10; c_3++) {
      const v_9 = v_8 === c_3;
      const v_10 = t19[at0 + c_3];
      const v_11 = fround(v_10 - v_2);
      const v_12 = (zero_cell[1] = v_11, zero_cell[+v_9]);
      acc_3 += v_12;
    }
    const v_13 = fround(acc_3);
    const v_14 = fround(v_7 - v_13);
    let best = -Infinity;
    let place = 0;
    for (let c_4 = 0; c_4 < 10; c_4++) {
      const v_15 = t19[at0 + c_4];
      const take = v_15 > best || v_15 !== v_15 && best === best;
      place = take ? c_4 : place;
      best = take ? v_15 : best;
    }
    const v_16 = place;
    const v_17 = v_16 === v_8;
    const v_18 = v_17 ? 1 : 0;
    const v_19 = fround(0.0078125 / v_6);
    for (let c_5 = 0; c_5 < 10; c_5++) {
      const v_20 = v_8 === c_5;
      const v_21 = (zero_cell[1] = -0.0078125, zero_cell[+v_20]);
      const at1 = at0 + c_5;
      const v_22 = t19[at1];
      const v_23 = fround(v_22 - v_2);
      const x_2 = v_23;
      const clamped_1 = Math.max(Math.min(x_2, 89), -104);
      const steps_1 = round_even(clamped_1 * 1.4426950216293335);
      const n_1 = to_i32(steps_1);
      const r_1 = clamped_1 - steps_1 * 0.693145751953125 - n_1 * 0.000001428606765330187;
      const y_2 = 1 + (r_1 + r_1 * r_1 * ((((0.0013819490559399128 * r_1 + 0.008368690498173237) * r_1 + 0.041668280959129333) * r_1 + 0.1666652113199234) * r_1 + 0.4999999403953552));
      const power_1 = n_1 << 23;
      const step_1 = Math.max(Math.min(power_1, 671088640), -671088640);
      const exp_1 = fround((f32_to_bits_u32(x_2) & 2147483647) >>> 0 > 2139095040 ? x_2 : bits_to_f32(f32_to_bits_u32(y_2) + (step_1 >>> 0) >>> 0) * bits_to_f32(((power_1 - step_1 | 0) + 1065353216 | 0) >>> 0));
      const v_24 = exp_1;
      const v_25 = fround(v_19 * v_24);
      const v_26 = fround(v_21 + v_25);
      t47[at1] = v_26;
    }
    t30[i] = v_14;
    t37[i] = v_18;
  }
}
function k3_contract_select(t47, model_w2, t16, t52) {
  for (let i_o = 0; i_o < 32; i_o++) {
    const at0 = i_o * 40;
    const at4 = i_o * 2048;
    for (let j_o = 0; j_o < 256; j_o++) {
      let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0, acc_2_0 = 0, acc_2_1 = 0, acc_3_0 = 0, acc_3_1 = 0;
      const at2 = j_o * 20;
      for (let k = 0; k < 10; k++) {
        const at1 = at0 + k;
        const t47_0 = t47[at1];
        const at3 = at2 + k;
        const model_w2_0 = model_w2[at3];
        acc_0_0 += t47_0 * model_w2_0;
        const model_w2_1 = model_w2[at3 + 10];
        acc_0_1 += t47_0 * model_w2_1;
        const t47_1 = t47[at1 + 10];
        acc_1_0 += t47_1 * model_w2_0;
        acc_1_1 += t47_1 * model_w2_1;
        const t47_2 = t47[at1 + 20];
        acc_2_0 += t47_2 * model_w2_0;
        acc_2_1 += t47_2 * model_w2_1;
        const t47_3 = t47[at1 + 30];
        acc_3_0 += t47_3 * model_w2_0;
        acc_3_1 += t47_3 * model_w2_1;
      }
      const v_0_0 = fround(acc_0_0);
      const at5 = at4 + j_o * 2;
      const v_2_0_0 = t16[at5];
      const v_3_0_0 = v_2_0_0 > 0;
      const v_4_0_0 = (zero_cell[1] = v_0_0, zero_cell[+v_3_0_0]);
      t52[at5] = v_4_0_0;
      const v_0_1 = fround(acc_0_1);
      const v_2_0_1 = t16[at5 + 1];
      const v_3_0_1 = v_2_0_1 > 0;
      const v_4_0_1 = (zero_cell[1] = v_0_1, zero_cell[+v_3_0_1]);
      t52[at5 + 1] = v_4_0_1;
      const v_1_0 = fround(acc_1_0);
      const v_2_1_0 = t16[at5 + 512];
      const v_3_1_0 = v_2_1_0 > 0;
      const v_4_1_0 = (zero_cell[1] = v_1_0, zero_cell[+v_3_1_0]);
      t52[at5 + 512] = v_4_1_0;
      const v_1_1 = fround(acc_1_1);
      const v_2_1_1 = t16[at5 + 513];
      const v_3_1_1 = v_2_1_1 > 0;
      const v_4_1_1 = (zero_cell[1] = v_1_1, zero_cell[+v_3_1_1]);
      t52[at5 + 513] = v_4_1_1;
      const v_2_0 = fround(acc_2_0);
      const v_2_2_0 = t16[at5 + 1024];
      const v_3_2_0 = v_2_2_0 > 0;
      const v_4_2_0 = (zero_cell[1] = v_2_0, zero_cell[+v_3_2_0]);
      t52[at5 + 1024] = v_4_2_0;
      const v_2_1 = fround(acc_2_1);
      const v_2_2_1 = t16[at5 + 1025];
      const v_3_2_1 = v_2_2_1 > 0;
      const v_4_2_1 = (zero_cell[1] = v_2_1, zero_cell[+v_3_2_1]);
      t52[at5 + 1025] = v_4_2_1;
      const v_3_0 = fround(acc_3_0);
      const v_2_3_0 = t16[at5 + 1536];
      const v_3_3_0 = v_2_3_0 > 0;
      const v_4_3_0 = (zero_cell[1] = v_3_0, zero_cell[+v_3_3_0]);
      t52[at5 + 1536] = v_4_3_0;
      const v_3_1 = fround(acc_3_1);
      const v_2_3_1 = t16[at5 + 1537];
      const v_3_3_1 = v_2_3_1 > 0;
      const v_4_3_1 = (zero_cell[1] = v_3_1, zero_cell[+v_3_3_1]);
      t52[at5 + 1537] = v_4_3_1;
    }
  }
}
function k4_contract_sub(t16, t47, opt_v_w2, opt_learningrate, model_w2) {
  const v_7 = opt_learningrate[0];
  for (let i_o = 0; i_o < 128; i_o++) {
    const at0 = i_o * 4;
    const at4 = i_o * 40;
    for (let j_o = 0; j_o < 5; j_o++) {
      let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0, acc_2_0 = 0, acc_2_1 = 0, acc_3_0 = 0, acc_3_1 = 0;
      const at2 = j_o * 2;
      for (let k = 0; k < 128; k++) {
        const at1 = at0 + k * 512;
        const t16_0 = t16[at1];
        const at3 = at2 + k * 10;
        const t47_0 = t47[at3];
        acc_0_0 += t16_0 * t47_0;
        const t47_1 = t47[at3 + 1];
        acc_0_1 += t16_0 * t47_1;
        const t16_1 = t16[at1 + 1];
        acc_1_0 += t16_1 * t47_0;
        acc_1_1 += t16_1 * t47_1;
        const t16_2 = t16[at1 + 2];
        acc_2_0 += t16_2 * t47_0;
        acc_2_1 += t16_2 * t47_1;
        const t16_3 = t16[at1 + 3];
        acc_3_0 += t16_3 * t47_0;
        acc_3_1 += t16_3 * t47_1;
      }
      const v_0_0 = fround(acc_0_0);
      const v_2_0_0 = fround(v_0_0 * v_0_0);
      const v_3_0_0 = fround(v_2_0_0 * 0.10000000149011612);
      const at5 = at4 + j_o * 2;
      const v_4_0_0 = opt_v_w2[at5];
      const v_5_0_0 = fround(v_4_0_0 * 0.8999999761581421);
      const v_6_0_0 = fround(v_5_0_0 + v_3_0_0);
      const v_8_0_0 = fround(v_7 * v_0_0);
      const v_9_0_0 = fround(v_6_0_0 + 1.0000000116860974e-7);
      const v_10_0_0 = fround(Math.sqrt(v_9_0_0));
      const v_11_0_0 = fround(v_8_0_0 / v_10_0_0);
      const v_12_0_0 = model_w2[at5];
      const v_13_0_0 = fround(v_12_0_0 - v_11_0_0);
      opt_v_w2[at5] = v_6_0_0;
      model_w2[at5] = v_13_0_0;
      const v_0_1 = fround(acc_0_1);
      const v_2_0_1 = fround(v_0_1 * v_0_1);
      const v_3_0_1 = fround(v_2_0_1 * 0.10000000149011612);
      const v_4_0_1 = opt_v_w2[at5 + 1];
      const v_5_0_1 = fround(v_4_0_1 * 0.8999999761581421);
      const v_6_0_1 = fround(v_5_0_1 + v_3_0_1);
      const v_8_0_1 = fround(v_7 * v_0_1);
      const v_9_0_1 = fround(v_6_0_1 + 1.0000000116860974e-7);
      const v_10_0_1 = fround(Math.sqrt(v_9_0_1));
      const v_11_0_1 = fround(v_8_0_1 / v_10_0_1);
      const v_12_0_1 = model_w2[at5 + 1];
      const v_13_0_1 = fround(v_12_0_1 - v_11_0_1);
      opt_v_w2[at5 + 1] = v_6_0_1;
      model_w2[at5 + 1] = v_13_0_1;
      const v_1_0 = fround(acc_1_0);
      const v_2_1_0 = fround(v_1_0 * v_1_0);
      const v_3_1_0 = fround(v_2_1_0 * 0.10000000149011612);
      const v_4_1_0 = opt_v_w2[at5 + 10];
      const v_5_1_0 = fround(v_4_1_0 * 0.8999999761581421);
      const v_6_1_0 = fround(v_5_1_0 + v_3_1_0);
      const v_8_1_0 = fround(v_7 * v_1_0);
      const v_9_1_0 = fround(v_6_1_0 + 1.0000000116860974e-7);
      const v_10_1_0 = fround(Math.sqrt(v_9_1_0));
      const v_11_1_0 = fround(v_8_1_0 / v_10_1_0);
      const v_12_1_0 = model_w2[at5 + 10];
      const v_13_1_0 = fround(v_12_1_0 - v_11_1_0);
      opt_v_w2[at5 + 10] = v_6_1_0;
      model_w2[at5 + 10] = v_13_1_0;
      const v_1_1 = fround(acc_1_1);
      const v_2_1_1 = fround(v_1_1 * v_1_1);
      const v_3_1_1 = fround(v_2_1_1 * 0.10000000149011612);
      const v_4_1_1 = opt_v_w2[at5 + 11];
      const v_5_1_1 = fround(v_4_1_1 * 0.8999999761581421);
      const v_6_1_1 = fround(v_5_1_1 + v_3_1_1);
      const v_8_1_1 = fround(v_7 * v_1_1);
      const v_9_1_1 = fround(v_6_1_1 + 1.0000000116860974e-7);
      const v_10_1_1 = fround(Math.sqrt(v_9_1_1));
      const v_11_1_1 = fround(v_8_1_1 / v_10_1_1);
      const v_12_1_1 = model_w2[at5 + 11];
      const v_13_1_1 = fround(v_12_1_1 - v_11_1_1);
      opt_v_w2[at5 + 11] = v_6_1_1;
      model_w2[at5 + 11] = v_13_1_1;
      const v_2_0 = fround(acc_2_0);
      const v_2_2_0 = fround(v_2_0 * v_2_0);
      const v_3_2_0 = fround(v_2_2_0 * 0.10000000149011612);
      const v_4_2_0 = opt_v_w2[at5 + 20];
      const v_5_2_0 = fround(v_4_2_0 * 0.8999999761581421);
      const v_6_2_0 = fround(v_5_2_0 + v_3_2_0);
      const v_8_2_0 = fround(v_7 * v_2_0);
      const v_9_2_0 = fround(v_6_2_0 + 1.0000000116860974e-7);
      const v_10_2_0 = fround(Math.sqrt(v_9_2_0));
      const v_11_2_0 = fround(v_8_2_0 / v_10_2_0);
      const v_12_2_0 = model_w2[at5 + 20];
      const v_13_2_0 = fround(v_12_2_0 - v_11_2_0);
      opt_v_w2[at5 + 20] = v_6_2_0;
      model_w2[at5 + 20] = v_13_2_0;
      const v_2_1 = fround(acc_2_1);
      const v_2_2_1 = fround(v_2_1 * v_2_1);
      const v_3_2_1 = fround(v_2_2_1 * 0.10000000149011612);
      const v_4_2_1 = opt_v_w2[at5 + 21];
      const v_5_2_1 = fround(v_4_2_1 * 0.8999999761581421);
      const v_6_2_1 = fround(v_5_2_1 + v_3_2_1);
      const v_8_2_1 = fround(v_7 * v_2_1);
      const v_9_2_1 = fround(v_6_2_1 + 1.0000000116860974e-7);
      const v_10_2_1 = fround(Math.sqrt(v_9_2_1));
      const v_11_2_1 = fround(v_8_2_1 / v_10_2_1);
      const v_12_2_1 = model_w2[at5 + 21];
      const v_13_2_1 = fround(v_12_2_1 - v_11_2_1);
      opt_v_w2[at5 + 21] = v_6_2_1;
      model_w2[at5 + 21] = v_13_2_1;
      const v_3_0 = fround(acc_3_0);
      const v_2_3_0 = fround(v_3_0 * v_3_0);
      const v_3_3_0 = fround(v_2_3_0 * 0.10000000149011612);
      const v_4_3_0 = opt_v_w2[at5 + 30];
      const v_5_3_0 = fround(v_4_3_0 * 0.8999999761581421);
      const v_6_3_0 = fround(v_5_3_0 + v_3_3_0);
      const v_8_3_0 = fround(v_7 * v_3_0);
      const v_9_3_0 = fround(v_6_3_0 + 1.0000000116860974e-7);
      const v_10_3_0 = fround(Math.sqrt(v_9_3_0));
      const v_11_3_0 = fround(v_8_3_0 / v_10_3_0);
      const v_12_3_0 = model_w2[at5 + 30];
      const v_13_3_0 = fround(v_12_3_0 - v_11_3_0);
      opt_v_w2[at5 + 30] = v_6_3_0;
      model_w2[at5 + 30] = v_13_3_0;
      const v_3_1 = fround(acc_3_1);
      const v_2_3_1 = fround(v_3_1 * v_3_1);
      const v_3_3_1 = fround(v_2_3_1 * 0.10000000149011612);
      const v_4_3_1 = opt_v_w2[at5 + 31];
      const v_5_3_1 = fround(v_4_3_1 * 0.8999999761581421);
      const v_6_3_1 = fround(v_5_3_1 + v_3_3_1);
      const v_8_3_1 = fround(v_7 * v_3_1);
      const v_9_3_1 = fround(v_6_3_1 + 1.0000000116860974e-7);
      const v_10_3_1 = fround(Math.sqrt(v_9_3_1));
      const v_11_3_1 = fround(v_8_3_1 / v_10_3_1);
      const v_12_3_1 = model_w2[at5 + 31];
      const v_13_3_1 = fround(v_12_3_1 - v_11_3_1);
      opt_v_w2[at5 + 31] = v_6_3_1;
      model_w2[at5 + 31] = v_13_3_1;
    }
  }
}
function k5_sum_mul_sub(t30, loss, t37, accuracy, t52, opt_v_b1, opt_learningrate, model_b1, t47, opt_v_b2, model_b2) {
  {
    let acc = 0;
    for (let c = 0; c < 128; c++) {
      const v = t30[c];
      acc += v;
    }
    const v_2 = fround(acc);
    const v_3 = fround(0.0078125 * v_2);
    loss[0] = v_3;
  }
  {
    let acc_2 = 0;
    for (let c_2 = 0; c_2 < 128; c_2++) {
      const v_4 = t37[c_2];
      acc_2 += v_4;
    }
    const v_5 = fround(acc_2);
    const v_6 = fround(0.0078125 * v_5);
    accuracy[0] = v_6;
  }
  {
    const v_14 = opt_learningrate[0];
    for (let i_o = 0; i_o < 64; i_o++) {
      let acc_3_0 = 0, acc_3_1 = 0, acc_3_2 = 0, acc_3_3 = 0, acc_3_4 = 0, acc_3_5 = 0, acc_3_6 = 0, acc_3_7 = 0;
      const at0 = i_o * 8;
      for (let c_3 = 0; c_3 < 128; c_3++) {
        const at1 = at0 + c_3 * 512;
        const v_7_0 = t52[at1];
        acc_3_0 += v_7_0;
        const v_7_1 = t52[at1 + 1];
        acc_3_1 += v_7_1;
        const v_7_2 = t52[at1 + 2];
        acc_3_2 += v_7_2;
        const v_7_3 = t52[at1 + 3];
        acc_3_3 += v_7_3;
        const v_7_4 = t52[at1 + 4];
        acc_3_4 += v_7_4;
        const v_7_5 = t52[at1 + 5];
        acc_3_5 += v_7_5;
        const v_7_6 = t52[at1 + 6];
        acc_3_6 += v_7_6;
        const v_7_7 = t52[at1 + 7];
        acc_3_7 += v_7_7;
      }
      const v_8_0 = fround(acc_3_0);
      const v_9_0 = fround(v_8_0 * v_8_0);
      const v_10_0 = fround(v_9_0 * 0.10000000149011612);
      const v_11_0 = opt_v_b1[at0];
      const v_12_0 = fround(v_11_0 * 0.8999999761581421);
      const v_13_0 = fround(v_12_0 + v_10_0);
      const v_15_0 = fround(v_14 * v_8_0);
      const v_16_0 = fround(v_13_0 + 1.0000000116860974e-7);
      const v_17_0 = fround(Math.sqrt(v_16_0));
      const v_18_0 = fround(v_15_0 / v_17_0);
      const v_19_0 = model_b1[at0];
      const v_20_0 = fround(v_19_0 - v_18_0);
      opt_v_b1[at0] = v_13_0;
      model_b1[at0] = v_20_0;
      const v_8_1 = fround(acc_3_1);
      const v_9_1 = fround(v_8_1 * v_8_1);
      const v_10_1 = fround(v_9_1 * 0.10000000149011612);
      const v_11_1 = opt_v_b1[at0 + 1];
      const v_12_1 = fround(v_11_1 * 0.8999999761581421);
      const v_13_1 = fround(v_12_1 + v_10_1);
      const v_15_1 = fround(v_14 * v_8_1);
      const v_16_1 = fround(v_13_1 + 1.0000000116860974e-7);
      const v_17_1 = fround(Math.sqrt(v_16_1));
      const v_18_1 = fround(v_15_1 / v_17_1);
      const v_19_1 = model_b1[at0 + 1];
      const v_20_1 = fround(v_19_1 - v_18_1);
      opt_v_b1[at0 + 1] = v_13_1;
      model_b1[at0 + 1] = v_20_1;
      const v_8_2 = fround(acc_3_2);
      const v_9_2 = fround(v_8_2 * v_8_2);
      const v_10_2 = fround(v_9_2 * 0.10000000149011612);
      const v_11_2 = opt_v_b1[at0 + 2];
      const v_12_2 = fround(v_11_2 * 0.8999999761581421);
      const v_13_2 = fround(v_12_2 + v_10_2);
      const v_15_2 = fround(v_14 * v_8_2);
      const v_16_2 = fround(v_13_2 + 1.0000000116860974e-7);
      const v_17_2 = fround(Math.sqrt(v_16_2));
      const v_18_2 = fround(v_15_2 / v_17_2);
      const v_19_2 = model_b1[at0 + 2];
      const v_20_2 = fround(v_19_2 - v_18_2);
      opt_v_b1[at0 + 2] = v_13_2;
      model_b1[at0 + 2] = v_20_2;
      const v_8_3 = fround(acc_3_3);
      const v_9_3 = fround(v_8_3 * v_8_3);
      const v_10_3 = fround(v_9_3 * 0.10000000149011612);
      const v_11_3 = opt_v_b1[at0 + 3];
      const v_12_3 = fround(v_11_3 * 0.8999999761581421);
      const v_13_3 = fround(v_12_3 + v_10_3);
      const v_15_3 = fround(v_14 * v_8_3);
      const v_16_3 = fround(v_13_3 + 1.0000000116860974e-7);
      const v_17_3 = fround(Math.sqrt(v_16_3));
      const v_18_3 = fround(v_15_3 / v_17_3);
      const v_19_3 = model_b1[at0 + 3];
      const v_20_3 = fround(v_19_3 - v_18_3);
      opt_v_b1[at0 + 3] = v_13_3;
      model_b1[at0 + 3] = v_20_3;
      const v_8_4 = fround(acc_3_4);
      const v_9_4 = fround(v_8_4 * v_8_4);
      const v_10_4 = fround(v_9_4 * 0.10000000149011612);
      const v_11_4 = opt_v_b1[at0 + 4];
      const v_12_4 = fround(v_11_4 * 0.8999999761581421);
      const v_13_4 = fround(v_12_4 + v_10_4);
      const v_15_4 = fround(v_14 * v_8_4);
      const v_16_4 = fround(v_13_4 + 1.0000000116860974e-7);
      const v_17_4 = fround(Math.sqrt(v_16_4));
      const v_18_4 = fround(v_15_4 / v_17_4);
      const v_19_4 = model_b1[at0 + 4];
      const v_20_4 = fround(v_19_4 - v_18_4);
      opt_v_b1[at0 + 4] = v_13_4;
      model_b1[at0 + 4] = v_20_4;
      const v_8_5 = fround(acc_3_5);
      const v_9_5 = fround(v_8_5 * v_8_5);
      const v_10_5 = fround(v_9_5 * 0.10000000149011612);
      const v_11_5 = opt_v_b1[at0 + 5];
      const v_12_5 = fround(v_11_5 * 0.8999999761581421);
      const v_13_5 = fround(v_12_5 + v_10_5);
      const v_15_5 = fround(v_14 * v_8_5);
      const v_16_5 = fround(v_13_5 + 1.0000000116860974e-7);
      const v_17_5 = fround(Math.sqrt(v_16_5));
      const v_18_5 = fround(v_15_5 / v_17_5);
      const v_19_5 = model_b1[at0 + 5];
      const v_20_5 = fround(v_19_5 - v_18_5);
      opt_v_b1[at0 + 5] = v_13_5;
      model_b1[at0 + 5] = v_20_5;
      const v_8_6 = fround(acc_3_6);
      const v_9_6 = fround(v_8_6 * v_8_6);
      const v_10_6 = fround(v_9_6 * 0.10000000149011612);
      const v_11_6 = opt_v_b1[at0 + 6];
      const v_12_6 = fround(v_11_6 * 0.8999999761581421);
      const v_13_6 = fround(v_12_6 + v_10_6);
      const v_15_6 = fround(v_14 * v_8_6);
      const v_16_6 = fround(v_13_6 + 1.0000000116860974e-7);
      const v_17_6 = fround(Math.sqrt(v_16_6));
      const v_18_6 = fround(v_15_6 / v_17_6);
      const v_19_6 = model_b1[at0 + 6];
      const v_20_6 = fround(v_19_6 - v_18_6);
      opt_v_b1[at0 + 6] = v_13_6;
      model_b1[at0 + 6] = v_20_6;
      const v_8_7 = fround(acc_3_7);
      const v_9_7 = fround(v_8_7 * v_8_7);
      const v_10_7 = fround(v_9_7 * 0.10000000149011612);
      const v_11_7 = opt_v_b1[at0 + 7];
      const v_12_7 = fround(v_11_7 * 0.8999999761581421);
      const v_13_7 = fround(v_12_7 + v_10_7);
      const v_15_7 = fround(v_14 * v_8_7);
      const v_16_7 = fround(v_13_7 + 1.0000000116860974e-7);
      const v_17_7 = fround(Math.sqrt(v_16_7));
      const v_18_7 = fround(v_15_7 / v_17_7);
      const v_19_7 = model_b1[at0 + 7];
      const v_20_7 = fround(v_19_7 - v_18_7);
      opt_v_b1[at0 + 7] = v_13_7;
      model_b1[at0 + 7] = v_20_7;
    }
  }
  {
    const v_28 = opt_learningrate[0];
    let acc_4_0 = 0, acc_4_1 = 0, acc_4_2 = 0, acc_4_3 = 0, acc_4_4 = 0, acc_4_5 = 0, acc_4_6 = 0, acc_4_7 = 0;
    for (let c_4 = 0; c_4 < 128; c_4++) {
      const at2 = c_4 * 10;
      const v_21_0 = t47[at2];
      acc_4_0 += v_21_0;
      const v_21_1_1 = t47[at2 + 1];
      acc_4_1 += v_21_1_1;
      const v_21_2 = t47[at2 + 2];
      acc_4_2 += v_21_2;
      const v_21_3 = t47[at2 + 3];
      acc_4_3 += v_21_3;
      const v_21_4 = t47[at2 + 4];
      acc_4_4 += v_21_4;
      const v_21_5 = t47[at2 + 5];
      acc_4_5 += v_21_5;
      const v_21_6 = t47[at2 + 6];
      acc_4_6 += v_21_6;
      const v_21_7 = t47[at2 + 7];
      acc_4_7 += v_21_7;
    }
    const v_22_0 = fround(acc_4_0);
    const v_23_0 = fround(v_22_0 * v_22_0);
    const v_24_0 = fround(v_23_0 * 0.10000000149011612);
    const v_25_0 = opt_v_b2[0];
    const v_26_0 = fround(v_25_0 * 0.8999999761581421);
    const v_27_0 = fround(v_26_0 + v_24_0);
    const v_29_0 = fround(v_28 * v_22_0);
    const v_30_0 = fround(v_27_0 + 1.0000000116860974e-7);
    const v_31_0 = fround(Math.sqrt(v_30_0));
    const v_32_0 = fround(v_29_0 / v_31_0);
    const v_33_0 = model_b2[0];
    const v_34_0 = fround(v_33_0 - v_32_0);
    opt_v_b2[0] = v_27_0;
    model_b2[0] = v_34_0;
    const v_22_1_1 = fround(acc_4_1);
    const v_23_1_1 = fround(v_22_1_1 * v_22_1_1);
    const v_24_1_1 = fround(v_23_1_1 * 0.10000000149011612);
    const v_25_1_1 = opt_v_b2[1];
    const v_26_1_1 = fround(v_25_1_1 * 0.8999999761581421);
    const v_27_1_1 = fround(v_26_1_1 + v_24_1_1);
    const v_29_1_1 = fround(v_28 * v_22_1_1);
    const v_30_1_1 = fround(v_27_1_1 + 1.0000000116860974e-7);
    const v_31_1_1 = fround(Math.sqrt(v_30_1_1));
    const v_32_1_1 = fround(v_29_1_1 / v_31_1_1);
    const v_33_1_1 = model_b2[1];
    const v_34_1_1 = fround(v_33_1_1 - v_32_1_1);
    opt_v_b2[1] = v_27_1_1;
    model_b2[1] = v_34_1_1;
    const v_22_2 = fround(acc_4_2);
    const v_23_2 = fround(v_22_2 * v_22_2);
    const v_24_2 = fround(v_23_2 * 0.10000000149011612);
    const v_25_2 = opt_v_b2[2];
    const v_26_2 = fround(v_25_2 * 0.8999999761581421);
    const v_27_2 = fround(v_26_2 + v_24_2);
    const v_29_2 = fround(v_28 * v_22_2);
    const v_30_2 = fround(v_27_2 + 1.0000000116860974e-7);
    const v_31_2 = fround(Math.sqrt(v_30_2));
    const v_32_2 = fround(v_29_2 / v_31_2);
    const v_33_2 = model_b2[2];
    const v_34_2 = fround(v_33_2 - v_32_2);
    opt_v_b2[2] = v_27_2;
    model_b2[2] = v_34_2;
    const v_22_3 = fround(acc_4_3);
    const v_23_3 = fround(v_22_3 * v_22_3);
    const v_24_3 = fround(v_23_3 * 0.10000000149011612);
    const v_25_3 = opt_v_b2[3];
    const v_26_3 = fround(v_25_3 * 0.8999999761581421);
    const v_27_3 = fround(v_26_3 + v_24_3);
    const v_29_3 = fround(v_28 * v_22_3);
    const v_30_3 = fround(v_27_3 + 1.0000000116860974e-7);
    const v_31_3 = fround(Math.sqrt(v_30_3));
    const v_32_3 = fround(v_29_3 / v_31_3);
    const v_33_3 = model_b2[3];
    const v_34_3 = fround(v_33_3 - v_32_3);
    opt_v_b2[3] = v_27_3;
    model_b2[3] = v_34_3;
    const v_22_4 = fround(acc_4_4);
    const v_23_4 = fround(v_22_4 * v_22_4);
    const v_24_4 = fround(v_23_4 * 0.10000000149011612);
    const v_25_4 = opt_v_b2[4];
    const v_26_4 = fround(v_25_4 * 0.8999999761581421);
    const v_27_4 = fround(v_26_4 + v_24_4);
    const v_29_4 = fround(v_28 * v_22_4);
    const v_30_4 = fround(v_27_4 + 1.0000000116860974e-7);
    const v_31_4 = fround(Math.sqrt(v_30_4));
    const v_32_4 = fround(v_29_4 / v_31_4);
    const v_33_4 = model_b2[4];
    const v_34_4 = fround(v_33_4 - v_32_4);
    opt_v_b2[4] = v_27_4;
    model_b2[4] = v_34_4;
    const v_22_5 = fround(acc_4_5);
    const v_23_5 = fround(v_22_5 * v_22_5);
    const v_24_5 = fround(v_23_5 * 0.10000000149011612);
    const v_25_5 = opt_v_b2[5];
    const v_26_5 = fround(v_25_5 * 0.8999999761581421);
    const v_27_5 = fround(v_26_5 + v_24_5);
    const v_29_5 = fround(v_28 * v_22_5);
    const v_30_5 = fround(v_27_5 + 1.0000000116860974e-7);
    const v_31_5 = fround(Math.sqrt(v_30_5));
    const v_32_5 = fround(v_29_5 / v_31_5);
    const v_33_5 = model_b2[5];
    const v_34_5 = fround(v_33_5 - v_32_5);
    opt_v_b2[5] = v_27_5;
    model_b2[5] = v_34_5;
    const v_22_6 = fround(acc_4_6);
    const v_23_6 = fround(v_22_6 * v_22_6);
    const v_24_6 = fround(v_23_6 * 0.10000000149011612);
    const v_25_6 = opt_v_b2[6];
    const v_26_6 = fround(v_25_6 * 0.8999999761581421);
    const v_27_6 = fround(v_26_6 + v_24_6);
    const v_29_6 = fround(v_28 * v_22_6);
    const v_30_6 = fround(v_27_6 + 1.0000000116860974e-7);
    const v_31_6 = fround(Math.sqrt(v_30_6));
    const v_32_6 = fround(v_29_6 / v_31_6);
    const v_33_6 = model_b2[6];
    const v_34_6 = fround(v_33_6 - v_32_6);
    opt_v_b2[6] = v_27_6;
    model_b2[6] = v_34_6;
    const v_22_7 = fround(acc_4_7);
    const v_23_7 = fround(v_22_7 * v_22_7);
    const v_24_7 = fround(v_23_7 * 0.10000000149011612);
    const v_25_7 = opt_v_b2[7];
    const v_26_7 = fround(v_25_7 * 0.8999999761581421);
    const v_27_7 = fround(v_26_7 + v_24_7);
    const v_29_7 = fround(v_28 * v_22_7);
    const v_30_7 = fround(v_27_7 + 1.0000000116860974e-7);
    const v_31_7 = fround(Math.sqrt(v_30_7));
    const v_32_7 = fround(v_29_7 / v_31_7);
    const v_33_7 = model_b2[7];
    const v_34_7 = fround(v_33_7 - v_32_7);
    opt_v_b2[7] = v_27_7;
    model_b2[7] = v_34_7;
  }
  {
    const v_28_1 = opt_learningrate[0];
    let acc_4_1_0 = 0, acc_4_1_1 = 0;
    for (let c_4_1 = 0; c_4_1 < 128; c_4_1++) {
      const at3 = c_4_1 * 10;
      const v_21_1_0 = t47[at3 + 8];
      acc_4_1_0 += v_21_1_0;
      const v_21_1_1_1 = t47[at3 + 9];
      acc_4_1_1 += v_21_1_1_1;
    }
    const v_22_1_0 = fround(acc_4_1_0);
    const v_23_1_0 = fround(v_22_1_0 * v_22_1_0);
    const v_24_1_0 = fround(v_23_1_0 * 0.10000000149011612);
    const v_25_1_0 = opt_v_b2[8];
    const v_26_1_0 = fround(v_25_1_0 * 0.8999999761581421);
    const v_27_1_0 = fround(v_26_1_0 + v_24_1_0);
    const v_29_1_0 = fround(v_28_1 * v_22_1_0);
    const v_30_1_0 = fround(v_27_1_0 + 1.0000000116860974e-7);
    const v_31_1_0 = fround(Math.sqrt(v_30_1_0));
    const v_32_1_0 = fround(v_29_1_0 / v_31_1_0);
    const v_33_1_0 = model_b2[8];
    const v_34_1_0 = fround(v_33_1_0 - v_32_1_0);
    opt_v_b2[8] = v_27_1_0;
    model_b2[8] = v_34_1_0;
    const v_22_1_1_1 = fround(acc_4_1_1);
    const v_23_1_1_1 = fround(v_22_1_1_1 * v_22_1_1_1);
    const v_24_1_1_1 = fround(v_23_1_1_1 * 0.10000000149011612);
    const v_25_1_1_1 = opt_v_b2[9];
    const v_26_1_1_1 = fround(v_25_1_1_1 * 0.8999999761581421);
    const v_27_1_1_1 = fround(v_26_1_1_1 + v_24_1_1_1);
    const v_29_1_1_1 = fround(v_28_1 * v_22_1_1_1);
    const v_30_1_1_1 = fround(v_27_1_1_1 + 1.0000000116860974e-7);
    const v_31_1_1_1 = fround(Math.sqrt(v_30_1_1_1));
    const v_32_1_1_1 = fround(v_29_1_1_1 / v_31_1_1_1);
    const v_33_1_1_1 = model_b2[9];
    const v_34_1_1_1 = fround(v_33_1_1_1 - v_32_1_1_1);
    opt_v_b2[9] = v_27_1_1_1;
    model_b2[9] = v_34_1_1_1;
  }
}
function k6_contract_sub(image, t52, opt_v_w1, opt_learningrate, model_w1) {
  const v_7 = opt_learningrate[0];
  for (let i_o = 0; i_o < 196; i_o++) {
    const at0 = i_o * 4;
    const at4 = i_o * 2048;
    for (let j_o = 0; j_o < 256; j_o++) {
      let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0, acc_2_0 = 0, acc_2_1 = 0, acc_3_0 = 0, acc_3_1 = 0;
      const at2 = j_o * 2;
      for (let k = 0; k < 128; k++) {
        const at1 = at0 + k * 784;
        const image_0 = image[at1];
        const at3 = at2 + k * 512;
        const t52_0 = t52[at3];
        acc_0_0 += image_0 * t52_0;
        const t52_1 = t52[at3 + 1];
        acc_0_1 += image_0 * t52_1;
        const image_1 = image[at1 + 1];
        acc_1_0 += image_1 * t52_0;
        acc_1_1 += image_1 * t52_1;
        const image_2 = image[at1 + 2];
        acc_2_0 += image_2 * t52_0;
        acc_2_1 += image_2 * t52_1;
        const image_3 = image[at1 + 3];
        acc_3_0 += image_3 * t52_0;
        acc_3_1 += image_3 * t52_1;
      }
      const v_0_0 = fround(acc_0_0);
      const v_2_0_0 = fround(v_0_0 * v_0_0);
      const v_3_0_0 = fround(v_2_0_0 * 0.10000000149011612);
      const at5 = at4 + j_o * 2;
      const v_4_0_0 = opt_v_w1[at5];
      const v_5_0_0 = fround(v_4_0_0 * 0.8999999761581421);
      const v_6_0_0 = fround(v_5_0_0 + v_3_0_0);
      const v_8_0_0 = fround(v_7 * v_0_0);
      const v_9_0_0 = fround(v_6_0_0 + 1.0000000116860974e-7);
      const v_10_0_0 = fround(Math.sqrt(v_9_0_0));
      const v_11_0_0 = fround(v_8_0_0 / v_10_0_0);
      const v_12_0_0 = model_w1[at5];
      const v_13_0_0 = fround(v_12_0_0 - v_11_0_0);
      opt_v_w1[at5] = v_6_0_0;
      model_w1[at5] = v_13_0_0;
      const v_0_1 = fround(acc_0_1);
      const v_2_0_1 = fround(v_0_1 * v_0_1);
      const v_3_0_1 = fround(v_2_0_1 * 0.10000000149011612);
      const v_4_0_1 = opt_v_w1[at5 + 1];
      const v_5_0_1 = fround(v_4_0_1 * 0.8999999761581421);
      const v_6_0_1 = fround(v_5_0_1 + v_3_0_1);
      const v_8_0_1 = fround(v_7 * v_0_1);
      const v_9_0_1 = fround(v_6_0_1 + 1.0000000116860974e-7);
      const v_10_0_1 = fround(Math.sqrt(v_9_0_1));
      const v_11_0_1 = fround(v_8_0_1 / v_10_0_1);
      const v_12_0_1 = model_w1[at5 + 1];
      const v_13_0_1 = fround(v_12_0_1 - v_11_0_1);
      opt_v_w1[at5 + 1] = v_6_0_1;
      model_w1[at5 + 1] = v_13_0_1;
      const v_1_0 = fround(acc_1_0);
      const v_2_1_0 = fround(v_1_0 * v_1_0);
      const v_3_1_0 = fround(v_2_1_0 * 0.10000000149011612);
      const v_4_1_0 = opt_v_w1[at5 + 512];
      const v_5_1_0 = fround(v_4_1_0 * 0.8999999761581421);
      const v_6_1_0 = fround(v_5_1_0 + v_3_1_0);
      const v_8_1_0 = fround(v_7 * v_1_0);
      const v_9_1_0 = fround(v_6_1_0 + 1.0000000116860974e-7);
      const v_10_1_0 = fround(Math.sqrt(v_9_1_0));
      const v_11_1_0 = fround(v_8_1_0 / v_10_1_0);
      const v_12_1_0 = model_w1[at5 + 512];
      const v_13_1_0 = fround(v_12_1_0 - v_11_1_0);
      opt_v_w1[at5 + 512] = v_6_1_0;
      model_w1[at5 + 512] = v_13_1_0;
      const v_1_1 = fround(acc_1_1);
      const v_2_1_1 = fround(v_1_1 * v_1_1);
      const v_3_1_1 = fround(v_2_1_1 * 0.10000000149011612);
      const v_4_1_1 = opt_v_w1[at5 + 513];
      const v_5_1_1 = fround(v_4_1_1 * 0.8999999761581421);
      const v_6_1_1 = fround(v_5_1_1 + v_3_1_1);
      const v_8_1_1 = fround(v_7 * v_1_1);
      const v_9_1_1 = fround(v_6_1_1 + 1.0000000116860974e-7);
      const v_10_1_1 = fround(Math.sqrt(v_9_1_1));
      const v_11_1_1 = fround(v_8_1_1 / v_10_1_1);
      const v_12_1_1 = model_w1[at5 + 513];
      const v_13_1_1 = fround(v_12_1_1 - v_11_1_1);
      opt_v_w1[at5 + 513] = v_6_1_1;
      model_w1[at5 + 513] = v_13_1_1;
      const v_2_0 = fround(acc_2_0);
      const v_2_2_0 = fround(v_2_0 * v_2_0);
      const v_3_2_0 = fround(v_2_2_0 * 0.10000000149011612);
      const v_4_2_0 = opt_v_w1[at5 + 1024];
      const v_5_2_0 = fround(v_4_2_0 * 0.8999999761581421);
      const v_6_2_0 = fround(v_5_2_0 + v_3_2_0);
      const v_8_2_0 = fround(v_7 * v_2_0);
      const v_9_2_0 = fround(v_6_2_0 + 1.0000000116860974e-7);
      const v_10_2_0 = fround(Math.sqrt(v_9_2_0));
      const v_11_2_0 = fround(v_8_2_0 / v_10_2_0);
      const v_12_2_0 = model_w1[at5 + 1024];
      const v_13_2_0 = fround(v_12_2_0 - v_11_2_0);
      opt_v_w1[at5 + 1024] = v_6_2_0;
      model_w1[at5 + 1024] = v_13_2_0;
      const v_2_1 = fround(acc_2_1);
      const v_2_2_1 = fround(v_2_1 * v_2_1);
      const v_3_2_1 = fround(v_2_2_1 * 0.10000000149011612);
      const v_4_2_1 = opt_v_w1[at5 + 1025];
      const v_5_2_1 = fround(v_4_2_1 * 0.8999999761581421);
      const v_6_2_1 = fround(v_5_2_1 + v_3_2_1);
      const v_8_2_1 = fround(v_7 * v_2_1);
      const v_9_2_1 = fround(v_6_2_1 + 1.0000000116860974e-7);
      const v_10_2_1 = fround(Math.sqrt(v_9_2_1));
      const v_11_2_1 = fround(v_8_2_1 / v_10_2_1);
      const v_12_2_1 = model_w1[at5 + 1025];
      const v_13_2_1 = fround(v_12_2_1 - v_11_2_1);
      opt_v_w1[at5 + 1025] = v_6_2_1;
      model_w1[at5 + 1025] = v_13_2_1;
      const v_3_0 = fround(acc_3_0);
      const v_2_3_0 = fround(v_3_0 * v_3_0);
      const v_3_3_0 = fround(v_2_3_0 * 0.10000000149011612);
      const v_4_3_0 = opt_v_w1[at5 + 1536];
      const v_5_3_0 = fround(v_4_3_0 * 0.8999999761581421);
      const v_6_3_0 = fround(v_5_3_0 + v_3_3_0);
      const v_8_3_0 = fround(v_7 * v_3_0);
      const v_9_3_0 = fround(v_6_3_0 + 1.0000000116860974e-7);
      const v_10_3_0 = fround(Math.sqrt(v_9_3_0));
      const v_11_3_0 = fround(v_8_3_0 / v_10_3_0);
      const v_12_3_0 = model_w1[at5 + 1536];
      const v_13_3_0 = fround(v_12_3_0 - v_11_3_0);
      opt_v_w1[at5 + 1536] = v_6_3_0;
      model_w1[at5 + 1536] = v_13_3_0;
      const v_3_1 = fround(acc_3_1);
      const v_2_3_1 = fround(v_3_1 * v_3_1);
      const v_3_3_1 = fround(v_2_3_1 * 0.10000000149011612);
      const v_4_3_1 = opt_v_w1[at5 + 1537];
      const v_5_3_1 = fround(v_4_3_1 * 0.8999999761581421);
      const v_6_3_1 = fround(v_5_3_1 + v_3_3_1);
      const v_8_3_1 = fround(v_7 * v_3_1);
      const v_9_3_1 = fround(v_6_3_1 + 1.0000000116860974e-7);
      const v_10_3_1 = fround(Math.sqrt(v_9_3_1));
      const v_11_3_1 = fround(v_8_3_1 / v_10_3_1);
      const v_12_3_1 = model_w1[at5 + 1537];
      const v_13_3_1 = fround(v_12_3_1 - v_11_3_1);
      opt_v_w1[at5 + 1537] = v_6_3_1;
      model_w1[at5 + 1537] = v_13_3_1;
    }
  }
}

export { k0_contract_max, k1_contract_add, k2_max_sum_maxwithindex_add, k3_contract_select, k4_contract_sub, k5_sum_mul_sub, k6_contract_sub };
