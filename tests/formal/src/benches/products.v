  // Six cycles after its operands, the sum is acc*m + B + r*R, and s stands beside it.
  //
  // These products in full are out of a solver's reach. acc is upper*2^24 + lower, lower without a sign, so acc*m is
  // upper*m*2^24 + lower*m, and r*R likewise; the four products are written as, and when, the lane writes them, so that
  // they count as the same numbers on both sides, whatever they are.
  wire signed [15:0] m = record[MULTIPLIER +: 16];
  wire signed [47:0] b = record[BIAS +: 48];
  wire signed [39:0] r = record[RESIDUAL +: 40];
  wire [5:0] s = record[SHIFT +: 6];
  wire [47:0] total = {total_upper, total_lower};
  always @* assume (s != 0);
  reg signed [31:0] acc1, acc2;
  reg signed [15:0] m1, m2;
  reg signed [47:0] b1, b2, sum3, sum4, sum5, sum6;
  reg signed [40:0] lower_m2;
  reg signed [23:0] upper_m3, r_upper_residual5;
  reg signed [32:0] r_lower_residual4;
  reg signed [7:0] residual1, residual2, residual3, residual4;
  reg signed [39:0] r1, r2, r3, r4;
  reg [5:0] places1, places2, places3, places4, places5, places6;
  reg [2:0] age = 3'd0;
  wire [24:0] acc_lower = {1'b0, acc1[23:0]};
  wire [7:0] acc_upper = acc2[31:24];
  wire [24:0] r_lower = {1'b0, r3[23:0]};
  wire [15:0] r_upper = r4[39:24];
  wire signed [40:0] lower_m = $signed({{16{acc_lower[24]}}, acc_lower}) * $signed({{25{m1[15]}}, m1});
  wire signed [23:0] upper_m = $signed({{16{acc_upper[7]}}, acc_upper}) * $signed({{8{m2[15]}}, m2});
  wire signed [32:0] r_lower_residual = $signed({{8{r_lower[24]}}, r_lower}) * $signed({{25{residual3[7]}}, residual3});
  wire signed [23:0] r_upper_residual = $signed({{8{r_upper[15]}}, r_upper}) * $signed({{16{residual4[7]}}, residual4});
  always @(posedge clock) begin
    acc1 <= acc;
    acc2 <= acc1;
    m1 <= m;
    m2 <= m1;
    b1 <= b;
    b2 <= b1;
    lower_m2 <= lower_m;
    upper_m3 <= upper_m;
    r_lower_residual4 <= r_lower_residual;
    r_upper_residual5 <= r_upper_residual;
    residual1 <= residual;
    residual2 <= residual1;
    residual3 <= residual2;
    residual4 <= residual3;
    r1 <= r;
    r2 <= r1;
    r3 <= r2;
    r4 <= r3;
    sum3 <= b2 + lower_m2;
    sum4 <= sum3 + (upper_m3 <<< 24);
    sum5 <= sum4 + r_lower_residual4;
    sum6 <= sum5 + (r_upper_residual5 <<< 24);
    places1 <= s;
    places2 <= places1;
    places3 <= places2;
    places4 <= places3;
    places5 <= places4;
    places6 <= places5;
    if (age < 6) age <= age + 1;
  end
  always @* if (age == 6) begin
    assert (total == sum6);
    assert (places == places6);
  end
