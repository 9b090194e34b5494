// The core has far more ports than the package has pins: its inputs come from a shift register, its outputs go into
// one. Every path of the core thus lies between registers, as inside a design. Ports of a core with 64 AXI bits.
module wrapper (
    input clock, input reset, input serial_in, input load, output serial_out
);
    localparam AXI = 64;
    localparam INS = 1 + 16 + 1 + 32 + 4 + 1 + 1 + 16 + 1  // s_axil
        + 1 + 1 + AXI + 2 + 1 + 8 + 1 + 1 + 1 + 2 + 8;     // m_axi
    localparam OUTS = 1 + 1 + 1 + 2 + 1 + 1 + 32 + 2       // s_axil
        + 1 + 64 + 8 + 3 + 2 + 8 + 1                       // m_axi reads
        + 1 + 64 + 8 + 3 + 2 + 8 + 1 + AXI + AXI / 8 + 1 + 1
        + 4 + 1;
    reg [INS-1:0] ins;
    wire [OUTS-1:0] outs;
    reg [OUTS-1:0] captured, shifted;
    // Pins reach the core over registers of their own, so that their way to the array does not count.
    reg reset_1, reset_2, load_1, serial_1;
    always @(posedge clock) begin
        {reset_2, reset_1} <= {reset_1, reset};
        {load_1, serial_1} <= {load, serial_in};
        ins <= {ins[INS-2:0], serial_1};
        captured <= outs;
        shifted <= load_1 ? captured : {shifted[OUTS-2:0], 1'b0};
    end
    assign serial_out = shifted[OUTS-1];

    wire s_axil_awvalid, s_axil_wvalid, s_axil_bready, s_axil_arvalid, s_axil_rready;
    wire [15:0] s_axil_awaddr, s_axil_araddr;
    wire [31:0] s_axil_wdata;
    wire [3:0] s_axil_wstrb;
    wire m_axi_arready, m_axi_rvalid, m_axi_rlast, m_axi_awready, m_axi_wready, m_axi_bvalid;
    wire [AXI-1:0] m_axi_rdata;
    wire [1:0] m_axi_rresp, m_axi_bresp;
    wire [7:0] m_axi_rid, m_axi_bid;
    assign {s_axil_awvalid, s_axil_awaddr, s_axil_wvalid, s_axil_wdata, s_axil_wstrb, s_axil_bready, s_axil_arvalid,
        s_axil_araddr, s_axil_rready, m_axi_arready, m_axi_rvalid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rid,
        m_axi_awready, m_axi_wready, m_axi_bvalid, m_axi_bresp, m_axi_bid} = ins;

    wire s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
    wire [1:0] s_axil_bresp, s_axil_rresp;
    wire [31:0] s_axil_rdata;
    wire m_axi_arvalid, m_axi_rready, m_axi_awvalid, m_axi_wvalid, m_axi_wlast, m_axi_bready;
    wire [63:0] m_axi_araddr, m_axi_awaddr;
    wire [7:0] m_axi_arlen, m_axi_arid, m_axi_awlen, m_axi_awid;
    wire [2:0] m_axi_arsize, m_axi_awsize;
    wire [1:0] m_axi_arburst, m_axi_awburst;
    wire [AXI-1:0] m_axi_wdata;
    wire [AXI/8-1:0] m_axi_wstrb;
    wire [3:0] irq;
    wire wrapper_reset_req;
    assign outs = {s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_bresp, s_axil_arready, s_axil_rvalid,
        s_axil_rdata, s_axil_rresp, m_axi_arvalid, m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst, m_axi_arid,
        m_axi_rready, m_axi_awvalid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst, m_axi_awid,
        m_axi_wvalid, m_axi_wdata, m_axi_wstrb, m_axi_wlast, m_axi_bready, irq, wrapper_reset_req};

    cbp_accelerator core (.clock(clock), .reset(reset_2),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready), .s_axil_awaddr(s_axil_awaddr),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_wdata(s_axil_wdata),
        .s_axil_wstrb(s_axil_wstrb), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_bresp(s_axil_bresp), .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_araddr(s_axil_araddr), .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_araddr(m_axi_araddr),
        .m_axi_arlen(m_axi_arlen), .m_axi_arsize(m_axi_arsize), .m_axi_arburst(m_axi_arburst), .m_axi_arid(m_axi_arid),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast), .m_axi_rid(m_axi_rid),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_awaddr(m_axi_awaddr),
        .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize), .m_axi_awburst(m_axi_awburst), .m_axi_awid(m_axi_awid),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready), .m_axi_bresp(m_axi_bresp),
        .m_axi_bid(m_axi_bid), .irq(irq), .wrapper_reset_req(wrapper_reset_req));
endmodule
