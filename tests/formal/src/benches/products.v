  // Four cycles after its operands, the sum is acc*m + B + r*R, and s - 1 stands beside it.
  //
  // r*R in full is out of a solver's reach. R is upper*2^24 + lower, lower without a sign, so r*R is
  // r*upper*2^24 + r*lower; both products, and acc*m, are written as the lane writes them, so that they count as the
  // same numbers on both sides, whatever they are.
  wire signed [15:0] m = record[MULTIPLIER +: 16];
  wire signed [47:0] b = record[BIAS +: 48];
  wire signed [39:0] r = record[RESIDUAL +: 40];
  wire [5:0] s = record[SHIFT +: 6];
  always @* assume (s != 0);
  reg signed [31:0] acc1;
  reg signed [15:0] m1;
  reg signed [47:0] b1, sum2, sum3, sum4;
  reg signed [7:0] residual1;
  reg signed [39:0] r1;
  reg [5:0] places1, places2, places3, places4;
  reg [2:0] age = 3'd0;
  wire [47:0] product = $signed({{16{acc1[31]}}, acc1}) * $signed({{32{m1[15]}}, m1});
  wire [24:0] lower = {1'b0, r1[23:0]};
  wire [15:0] upper = r1[39:24];
  wire signed [32:0] of_lower = $signed({{8{lower[24]}}, lower}) * $signed({{25{residual1[7]}}, residual1});
  wire signed [23:0] of_upper = $signed({{8{upper[15]}}, upper}) * $signed({{16{residual1[7]}}, residual1});
  wire signed [47:0] of_residual = (of_upper <<< 24) + of_lower;
  always @(posedge clock) begin
    acc1 <= acc;
    m1 <= m;
    b1 <= b;
    residual1 <= residual;
    r1 <= r;
    sum2 <= product + b1 + of_residual;
    sum3 <= sum2;
    sum4 <= sum3;
    places1 <= s - 6'd1;
    places2 <= places1;
    places3 <= places2;
    places4 <= places3;
    if (age < 4) age <= age + 1;
  end
  always @* if (age == 4) begin
    assert (total == sum4);
    assert (places == places4);
  end
